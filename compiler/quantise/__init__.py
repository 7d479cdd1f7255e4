"""Post-training quantisation to TensorFlow Lite's int8 scheme."""

from hwgen.compiler.quantise.options import QuantiseOptions
from hwgen.compiler.quantise.quantiser import Quantised, quantise, quantise_network

__all__ = ["QuantiseOptions", "Quantised", "quantise", "quantise_network"]
