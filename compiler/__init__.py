"""The compiler, from a network to a program. Its folders in the order of the pipeline:

`frontend` reads a network into a float `graph`; `transforms` rewrites it, `quantise` makes an `int8` graph of it; `legalise` rewrites
that into the machine's operations, `lower` makes logical passes of them, `tiling` cuts these and places their tensors, `weight_schedule`
orders the loads, `program` writes descriptors and command stream. `plan` tries cores with all of it from `lower` on.
"""
