"""Crossbar: puts the bytes of a segment, and of the second operand, at their places in the words of a pixel."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwgen.hw.isa.ceil_div import ceil_div
from hwgen.hw.isa.config import WORD_BYTES

_QUAD = WORD_BYTES // 2
"""Bytes that move together: chunks begin at multiples of four bytes."""

Quad = tuple[str, int]
"""Four bytes: ("segment" or "operand", number), with bytes 4 * number and following."""


def plain_words(cols: int) -> int:
    """Words, and so cycles, that a plain segment takes: with `cols` % 8 == 4 every second chunk begins in the middle of a word."""
    return ceil_div(cols + cols % WORD_BYTES, WORD_BYTES)


def spread_words(cols: int) -> int:
    """Words, and so cycles, that a spread segment takes."""
    return 2 * cols // WORD_BYTES


def quads(cols: int, spread: bool, variant: int, word: int) -> tuple[Quad | None, Quad | None]:
    """The two quads of which a word is made.

    Args:
        cols: C, bytes of a segment.
        spread: byte i goes to byte 2 i + variant, operand byte i to 2 i + 1 - variant; else byte i goes to byte i + 4 * variant.
        variant: `odd` of a spread segment, `half` of a plain one.
        word: word counted from the one in which the segment begins.

    Returns:
        Plain: what lands in the lower and in the upper half. Spread: what lands in the bytes of parity `variant` and in the others. None
        where the segment has nothing to give.
    """
    lower = 2 * word - variant
    found = (("segment", word), ("operand", word)) if spread else (("segment", lower), ("segment", lower + 1))
    first, second = (quad if 0 <= quad[1] < cols // _QUAD else None for quad in found)
    return first, second


def landing(spread: bool, variant: int, byte: int) -> tuple[int, int]:
    """Which byte of the two `quads` lands in byte `byte` of the word: (0 or 1, index)."""
    if spread:
        return (byte + variant) % 2, byte // 2
    return divmod(byte, _QUAD)


class Crossbar(wiring.Component):
    """Puts together one word of a segment.

    Parameters:
        cols: C: 4, 8, 12 or 16.

    Members:
        spread : In(1), constant during a pass.
        variant : In(1), word : In(2), as in `quads`, of the word that is wanted in the next cycle; a plain segment has variant 1 only if
            C % 8 is 4.
        segment : In(8 * C), operand : In(8 * C), byte i in bits 8 i to 8 i + 7.
        keep : In(C), bytes that are written; the others have no channel.
        merge : In(1), the operand's bytes are written too (spread only).
        data : Out(64), enable : Out(8), bytes without enable are undefined.

    Timing: combinational from `segment`, `operand` and `keep`; `variant` and `word` come a cycle before them.
    """

    def __init__(self, cols: int) -> None:
        self._cols = cols
        super().__init__(
            {
                "spread": In(1),
                "variant": In(1),
                "word": In(2),
                "segment": In(8 * cols),
                "operand": In(8 * cols),
                "keep": In(cols),
                "merge": In(1),
                "data": Out(8 * WORD_BYTES),
                "enable": Out(WORD_BYTES),
            }
        )

    def _cases(self) -> dict[tuple[bool, int, int], tuple[Quad | None, Quad | None]]:
        """The quads of all (spread, variant, word) that occur."""
        cols = self._cols
        plain = [(False, v, w) for v in range(1 + (cols % WORD_BYTES) // _QUAD) for w in range(plain_words(cols))]
        spread = [(True, v, w) for v in range(2) for w in range(spread_words(cols))]
        return {case: quads(cols, *case) for case in plain + spread}

    def elaborate(self, platform: object) -> Module:
        m = Module()
        kept = {"segment": self.keep, "operand": self.keep & self.merge.replicate(self._cols)}
        words = {"segment": self.segment, "operand": self.operand}
        variant = Signal(reset_less=True)
        m.d.sync += variant.eq(self.variant)
        chosen = [self._quad(m, number, words, kept) for number in range(2)]
        for byte in range(WORD_BYTES):
            cases = ((False, 0), (True, 0), (True, 1))
            plain, even, odd = (chosen[number][i] for number, i in (landing(*case, byte) for case in cases))
            item = Mux(self.spread, Mux(variant, odd, even), plain)
            m.d.comb += [self.data.word_select(byte, 8).eq(item[:8]), self.enable[byte].eq(item[8])]
        return m

    def _quad(self, m: Module, number: int, words: dict[str, Value], kept: dict[str, Value]) -> list[Value]:
        """The chosen first or second quad, byte by byte: 8 bits and whether it is written."""
        pairs = {case: found[number] for case, found in self._cases().items()}
        cases = {case: quad for case, quad in pairs.items() if quad is not None}
        candidates = sorted(set(cases.values()))
        select = Signal(range(len(candidates)), name=f"select_{number}", reset_less=True)
        present = Signal(name=f"present_{number}", reset_less=True)
        m.d.sync += present.eq(0)
        with m.Switch(Cat(self.word, self.variant, self.spread)):
            for (spread, variant, word), quad in cases.items():
                with m.Case(word | variant << 2 | spread << 3):
                    m.d.sync += [select.eq(candidates.index(quad)), present.eq(1)]
        chosen = []
        for i in range(_QUAD):
            items = [
                Cat(words[kind].word_select(_QUAD * q + i, 8), kept[kind][_QUAD * q + i]) for kind, q in candidates
            ]
            byte = Signal(9, name=f"quad_{number}_{i}")
            item = _selected(items, select)
            m.d.comb += byte.eq(Cat(item[:8], item[8] & present))
            chosen.append(byte)
        return chosen


def _selected(items: list[Value], select: Value) -> Value:
    """`items[select]` as a tree of multiplexers; select is never beyond the items."""
    for bit in select:
        pairs = [items[i : i + 2] for i in range(0, len(items), 2)]
        items = [Mux(bit, pair[1], pair[0]) if len(pair) == 2 else pair[0] for pair in pairs]
    return items[0]
