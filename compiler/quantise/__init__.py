"""Post-training quantisation to TensorFlow Lite's int8 scheme."""

from compiler.quantise.quantiser import quantise

__all__ = ["quantise"]
