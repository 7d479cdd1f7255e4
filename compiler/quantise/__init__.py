"""Post-training quantisation to TensorFlow Lite's int8 scheme."""

from compiler.quantise.options import QuantiseOptions
from compiler.quantise.quantiser import Quantised, quantise, quantise_network

__all__ = ["QuantiseOptions", "Quantised", "quantise", "quantise_network"]
