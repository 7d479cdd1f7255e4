"""Measurements: README.md lists them."""
