"""hwgen: networks to accelerators for small FPGAs. The command line is `hwgen.cli`; the same steps as functions are in `hwgen.build`."""

__version__ = "0.1.0"
