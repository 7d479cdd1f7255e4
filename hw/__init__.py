"""The machine in Amaranth: `machine` and `resident_machine` are the whole, `core` is the datapath, a folder is a part of it."""
