"""The same block of convolutions in accelerators of other generators."""
