"""Weights of the float graph: from a file, or random; named and laid out as torchvision does."""

from compiler.weights.files import load
from compiler.weights.initialise import random
from compiler.weights.parameters import Weights, folded, normalisation, required

__all__ = ["Weights", "folded", "load", "normalisation", "random", "required"]
