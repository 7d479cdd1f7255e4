"""ONNX models: the float ones as float graph with weights, the quantised ones as int8 graph."""

from hwgen.compiler.frontend.onnx.importer import FloatModel, convert, load, load_float, parse

__all__ = ["FloatModel", "convert", "load", "load_float", "parse"]
