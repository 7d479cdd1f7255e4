"""Writes to the activation memory, as the writers and the DMA ask for them."""

from __future__ import annotations

from amaranth.lib import data

from hwgen.hw.isa.config import WORD_BYTES

WriteRequest = data.StructLayout({"valid": 1, "bank": 2, "addr": 14, "enable": WORD_BYTES, "data": 8 * WORD_BYTES})
"""Writes the bytes of `data` whose `enable` bit is set; taken in every cycle in which it is valid."""

ImageWord = data.StructLayout({"bank": 2, "addr": 14, "data": 8 * WORD_BYTES})
"""A whole word of an image row, payload of a stream."""
