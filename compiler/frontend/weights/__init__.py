"""Weights of the float graph: from a file, or random; named and laid out as torchvision does."""

from hwgen.compiler.frontend.weights.files import check_file, load
from hwgen.compiler.frontend.weights.initialise import random

__all__ = ["check_file", "load", "random"]
