"""Random int8 networks against reference kernels: `python -m tests.random_networks --help`."""
