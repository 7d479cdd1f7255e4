"""Stripes, channel tiles and places: how the passes' tensors fit the activation memory."""
