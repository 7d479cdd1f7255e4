"""ONNX models: the float ones as float graph with weights, the quantised ones as int8 graph."""

from compiler.onnx.importer import FloatModel, load, parse

__all__ = ["FloatModel", "load", "parse"]
