"""Requantiser: from an accumulator to int8, bit for bit as docs/arithmetic.md (6) to (9) say, without a multiplier block."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwgen.hw.isa.descriptor import ChannelParameters, Clamp
from hwgen.hw.lib.delay import delayed
from hwgen.hw.lib.multiplier import Addend, add_levels, add_tree, partial_products

_POINT = 31
"""Bits of the product that the first rounding drops."""

_RESULT_BITS = 9
"""r outside these bits saturates whatever the zero point: 256 - 128 > 127, and -257 + 1 + 127 < -128 (+ 1: a half rounded up)."""

FINE_BITS = 3
"""Of a shift of 0..31, done in a second step."""


def requantiser_latency(clamp_bits: int) -> int:
    """Cycles from accumulator to result of a `Requantiser`."""
    return 9 + add_levels((clamp_bits + 1) // 2 + 1)


def check_widths(in_bits: int, clamp_bits: int) -> None:
    """Raises ValueError for parameters that `Requantiser` does not support."""
    if not 16 <= in_bits <= 33:
        raise ValueError(f"in_bits must be 16..33, not {in_bits}")
    if not 16 <= clamp_bits <= 32:
        raise ValueError(f"clamp_bits must be 16..32, not {clamp_bits}")


class Requantiser(wiring.Component):
    """`clamp(((clamp_A(acc + bias) * M) rounded twice >> (31 + n)) + zero point, low, high)`.

    Parameters:
        in_bits: width of the accumulator, 16..33.
        clamp_bits: A, 16..32; acc + bias is saturated to A bits (docs/arithmetic.md (9) tells when that changes nothing).

    Members:
        acc : In(signed(in_bits))
        parameters : In(ChannelParameters), in the same cycle as `acc`; n is 0..31.
        clamp : In(Clamp), constant from the first `acc` until its last result has left.
        o : Out(signed(8))

    Timing: the result of `acc` in cycle t stands at `o` in cycle t + latency; one per cycle, no stall. latency is
    9 + ceil(log2(ceil(A / 2) + 1)): 13 for A = 17..30.

    Proven ranges: the product plus the first rounding lies in -2^(A+30) - 2^30 .. 2^(A+30), so what remains above
    bit 31 needs A + 1 bits. A lane of A = 24 takes 1,045 LUT and 1,030 flip-flops.
    """

    def __init__(self, in_bits: int, clamp_bits: int) -> None:
        check_widths(in_bits, clamp_bits)
        self._clamp_bits = clamp_bits
        self.latency = requantiser_latency(clamp_bits)
        super().__init__(
            {
                "acc": In(signed(in_bits)),
                "parameters": In(ChannelParameters),
                "clamp": In(Clamp),
                "o": Out(signed(8)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        a = self._saturated_sum(m)
        levels = add_levels((self._clamp_bits + 1) // 2 + 1)
        multiplier = delayed(m, self.parameters.multiplier, 3, "multiplier")
        shift = delayed(m, self.parameters.shift[:5], 3, "shift")
        # Second rounding, ties away from zero: a negative value is lowered by one before a half is added, but only if n > 0.
        lower = Signal(reset_less=True)
        m.d.sync += lower.eq(a[-1] & (shift != 0))
        rows = partial_products(m, platform, "product", a, multiplier)
        half = Addend(Cat(1, lower).as_signed(), _POINT - 1, -1, 1, ones=1)  # 2^30, or 2^30 - 2^31
        product = add_tree(m, "sum", [*rows, half])
        scaled = product.value[_POINT:].as_signed()
        self._finish(m, scaled, delayed(m, shift, 1 + levels, "shift_sum"))
        return m

    def _saturated_sum(self, m: Module) -> Signal:
        """acc + bias, saturated to A bits; three cycles."""
        width = max(len(self.acc), 32) + 1
        total = Signal(signed(width), reset_less=True)
        m.d.sync += total.eq(self.acc + self.parameters.bias)
        # A cycle to find the overflow: its register steers all bits of the result, which lie far apart.
        upper = total[self._clamp_bits - 1 :]
        over, sign = Signal(reset_less=True), Signal(reset_less=True)
        m.d.sync += [over.eq(upper.any() & ~upper.all()), sign.eq(total[-1])]
        kept = delayed(m, total[: self._clamp_bits], 1, "kept")
        saturated = Signal(signed(self._clamp_bits), reset_less=True)
        m.d.sync += saturated.eq(Mux(over, Cat((~sign).replicate(self._clamp_bits - 1), sign), kept))
        return saturated

    def _finish(self, m: Module, scaled: Value, shift: Value) -> None:
        """Shift with the second rounding, zero point and clamp; five cycles."""
        # Bit 0 of the shifted value is the half that decides the rounding; n = 0 leaves the 0 there.
        value = Cat(0, scaled)
        sign = value[-1]
        kept = _RESULT_BITS + 1

        def bits(source: Value, low: int, count: int) -> Value:
            return Cat(*(source[min(i, len(source) - 1)] for i in range(low, low + count)))

        def exceeds(source: Value, top: int) -> Value:
            """Some bit above the new sign bit `top` differs from it: the value does not fit."""
            rest = source[min(top, len(source) - 1) :]
            return rest.any() & ~rest.all()

        coarse_kept = kept + (1 << FINE_BITS) - 1
        coarse = Signal(coarse_kept, reset_less=True)
        coarse_over = Signal(reset_less=True)
        steps = [step << FINE_BITS for step in range(1 << (5 - FINE_BITS))]
        select = shift[FINE_BITS:]
        with m.Switch(select):
            for i, step in enumerate(steps):
                with m.Case(i):
                    m.d.sync += [
                        coarse.eq(bits(value, step, coarse_kept)),
                        coarse_over.eq(exceeds(value, step + coarse_kept - 1)),
                    ]

        fine_shift = delayed(m, shift[:FINE_BITS], 1, "fine_shift")
        by_two, fine = Signal(kept + 1), Signal(kept, reset_less=True)
        over = Signal(reset_less=True)
        with m.Switch(fine_shift[1:]):
            for i in range(4):
                with m.Case(i):
                    m.d.comb += by_two.eq(coarse[2 * i : 2 * i + kept + 1])
        m.d.sync += fine.eq(Mux(fine_shift[0], by_two[1:], by_two[:-1]))
        with m.Switch(fine_shift):
            for i in range(1 << FINE_BITS):
                with m.Case(i):
                    m.d.sync += over.eq(coarse_over | exceeds(coarse, i + kept - 1))

        negative = delayed(m, sign, 3, "negative")
        total = Signal(signed(_RESULT_BITS + 1), reset_less=True)
        total_over = delayed(m, over, 1, "over")
        m.d.sync += total.eq(fine[1:].as_signed() + self.clamp.zero_point + fine[0])

        below, above = Signal(reset_less=True), Signal(reset_less=True)
        result = delayed(m, total[:8], 1, "result")
        m.d.sync += [
            below.eq(Mux(total_over, negative, total < self.clamp.low)),
            above.eq(Mux(total_over, ~negative, total > self.clamp.high)),
        ]
        output = Signal(signed(8), reset_less=True)
        m.d.sync += output.eq(Mux(below, self.clamp.low, Mux(above, self.clamp.high, result)))
        m.d.comb += self.o.eq(output)
