"""hwgen: networks to accelerators for small FPGAs. The command line is `hwgen.cli`; the same steps as functions are in `hwgen.flow`."""

__version__ = "0.1.0"
