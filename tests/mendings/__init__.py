"""Faults that were mended once, each planted again in a copy of the tree: its tests must fail by their own assertion.

`python -m tests.mendings` does it; the tables beside this file say what is planted.
"""
