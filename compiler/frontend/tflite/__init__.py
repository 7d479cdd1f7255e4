"""TensorFlow Lite int8 models: `load` turns a .tflite file into the int8 graph, exact to the reference kernels."""

from hwgen.compiler.frontend.tflite.importer import load, parse

__all__ = ["load", "parse"]
