"""Crossbar: puts the bytes of a segment, and of the second operand, at their places in the words of a pixel."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.config import WORD_BYTES

_HALF = WORD_BYTES // 2

Source = tuple[str, int]
"""Where a byte comes from: ("segment" or "operand", index)."""


def plain_words(cols: int) -> int:
    """Words, and so cycles, that a plain segment takes: with `cols` % 8 == 4 every second chunk begins in the middle of a word."""
    return -(-(cols + cols % WORD_BYTES) // WORD_BYTES)


def spread_words(cols: int) -> int:
    """Words, and so cycles, that a spread segment takes."""
    return 2 * cols // WORD_BYTES


def source(cols: int, spread: bool, variant: int, word: int, byte: int) -> Source | None:
    """Which byte lands in byte `byte` of word `word`.

    Args:
        cols: C, bytes of a segment.
        spread: byte i goes to byte 2 i + variant, operand byte i to 2 i + 1 - variant; else byte i goes to byte i + 4 * variant.
        variant: `odd` of a spread segment, `half` of a plain one.
        word: word counted from the one in which the segment begins.
        byte: 0..7.

    Returns:
        The source, or None if nothing lands there.
    """
    position = WORD_BYTES * word + byte
    if spread:
        index = position // 2
        kind = "segment" if position % 2 == variant else "operand"
    else:
        index = position - _HALF * variant
        kind = "segment"
    return (kind, index) if 0 <= index < cols else None


class Crossbar(wiring.Component):
    """Selects the bytes of one word.

    Parameters:
        cols: C: 4, 8, 12 or 16.

    Members:
        segment : In(8 * C), operand : In(8 * C), byte i in bits 8 i to 8 i + 7.
        keep : In(C), bytes that are written; the others have no channel.
        merge : In(1), the operand's bytes are written too (spread only).
        spread, variant : In(1), as in `source`; a plain segment has variant 1 only if C % 8 is 4.
        word : In(2), word of the segment.
        data : Out(64), enable : Out(8), bytes without enable are undefined.

    Timing: combinational, a multiplexer of at most eight bytes behind one table lookup.
    """

    def __init__(self, cols: int) -> None:
        self._cols = cols
        super().__init__(
            {
                "segment": In(8 * cols),
                "operand": In(8 * cols),
                "keep": In(cols),
                "merge": In(1),
                "spread": In(1),
                "variant": In(1),
                "word": In(2),
                "data": Out(8 * WORD_BYTES),
                "enable": Out(WORD_BYTES),
            }
        )

    def _cases(self) -> list[tuple[bool, int, int]]:
        """All (spread, variant, word) that occur."""
        cols = self._cols
        plain = [(False, v, w) for v in range(1 + (cols % WORD_BYTES) // _HALF) for w in range(plain_words(cols))]
        return plain + [(True, v, w) for v in range(2) for w in range(spread_words(cols))]

    def elaborate(self, platform: object) -> Module:
        m = Module()
        kept = {"segment": self.keep, "operand": self.keep & self.merge.replicate(self._cols)}
        words = {"segment": self.segment, "operand": self.operand}
        for byte in range(WORD_BYTES):
            sources = {case: source(self._cols, *case, byte) for case in self._cases()}
            candidates = sorted({found for found in sources.values() if found is not None})
            select = Signal(range(len(candidates)), name=f"select_{byte}")
            present = Signal(name=f"present_{byte}")
            with m.Switch(Cat(self.word, self.variant, self.spread)):
                for (spread, variant, word), found in sources.items():
                    if found is not None:
                        with m.Case(word | variant << 2 | spread << 3):
                            m.d.comb += [select.eq(candidates.index(found)), present.eq(1)]
            item = _selected([Cat(words[kind].word_select(i, 8), kept[kind][i]) for kind, i in candidates], select)
            m.d.comb += [self.data.word_select(byte, 8).eq(item[:8]), self.enable[byte].eq(item[8] & present)]
        return m


def _selected(items: list[Value], select: Value) -> Value:
    """`items[select]` as a tree of multiplexers; select is never beyond the items."""
    for bit in select:
        pairs = [items[i : i + 2] for i in range(0, len(items), 2)]
        items = [Mux(bit, pair[1], pair[0]) if len(pair) == 2 else pair[0] for pair in pairs]
    return items[0]
