"""Definitions of the zoo's networks by others: recorded figures, and the script that makes them."""
