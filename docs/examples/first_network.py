"""One convolution: from its text over int8 and a plan to a simulated machine with waves, and to a bitstream."""

from pathlib import Path

import numpy as np

import hwgen

TEXT = """graph first
  %image : 8x8x3 = input shape=8,8,3
  %conv : 8x8x8 = conv2d(%image) channels=8 kernel=3,3 pad=1,1,1,1 weight=conv.weight
  return %conv"""
Path("first.graph").write_text(TEXT)
network = hwgen.load("first.graph").quantise()
plan = hwgen.plan(network, board="ulx3s-12f", progress=print)
image = np.random.default_rng(0).integers(-128, 128, network.input_shape, dtype=np.int8)
print(plan.table(), hwgen.predict(network, image).text(), sep="\n")
print(hwgen.simulate(plan, image, waves=Path("first.vcd")).text())
print(hwgen.build(plan, progress=print).summary())
