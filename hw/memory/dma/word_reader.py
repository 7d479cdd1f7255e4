"""Word reader: the command stream in words, handed out from any halfword on."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out


class WordReader(wiring.Component):
    """Keeps two words, so that the halfwords from any place in the first one on are at hand.

    Parameters:
        word: halfwords of a word, a power of two of at least 2.

    Members:
        start : In(1), strobe: forget what waits.
        words : In(stream of words), from the cycle after `start` on those of a stream, the first halfword lowest.
        o : Out(stream of `word` halfwords), those used next; `start` may take back what it offers.
        count : In(range(word + 1)), how many of them a transfer uses, at least 1.

    Timing (word w is taken in L(w) and moves into the first place in V(w)): L(w) is the first cycle from the one in which it is offered on
    that is not before V(w - 1); V(w) is the first one from L(w) + 1 on in which the last halfword of word w - 1 is used or has been.
    A halfword is offered from V + 1 of its word on, and if it is not the word's first one, from L + 1 of the next word on too.
    """

    def __init__(self, word: int) -> None:
        self._word = word
        super().__init__(
            {
                "start": In(1),
                "words": In(stream.Signature(16 * word)),
                "o": Out(stream.Signature(16 * word)),
                "count": In(range(word + 1)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        word = self._word
        first, second = Signal(16 * word, reset_less=True), Signal(16 * word, reset_less=True)
        first_valid, second_valid = Signal(), Signal()
        place, next_place = Signal(range(word)), Signal(range(2 * word))
        used, advance, load = Signal(), Signal(), Signal()
        m.d.comb += [
            self.o.payload.eq(Cat(first, second).bit_select(place << 4, 16 * word)),
            self.o.valid.eq(first_valid & (second_valid | (place == 0))),
            used.eq(self.o.valid & self.o.ready),
            next_place.eq(place + self.count),
            advance.eq(~first_valid | (used & next_place[-1])),
            self.words.ready.eq(~second_valid | advance),
            load.eq(self.words.valid & self.words.ready),
        ]
        m.d.sync += second_valid.eq(load | (second_valid & ~advance))
        with m.If(advance):
            m.d.sync += [first.eq(second), first_valid.eq(second_valid)]
        with m.If(load):
            m.d.sync += second.eq(self.words.payload)
        with m.If(used):
            m.d.sync += place.eq(next_place)
        with m.If(self.start):
            m.d.sync += [first_valid.eq(0), second_valid.eq(0), place.eq(0)]
        return m
