"""The array with the memories that feed it, and no more: what of the machine decides the clock of its largest part."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwgen.hw.array.systolic import SystolicArray
from hwgen.hw.ecp5.bram import SimpleDualPort, TrueDualPort


class ArrayClock(wiring.Component):
    """Array, weight memory of 8192 bytes a column, a pixel memory of 512 x 64 bits for each row; counters and a shift register drive them.

    Parameters:
        rows, cols, acc_bits, floorplan, steps: as `hwgen.hw.array.systolic.SystolicArray`.
        copies: input registers of the weight memory.

    Members:
        i : In(1): content of the memories, serially.
        o : Out(1): depends on every result bit.
    """

    def __init__(
        self, rows: int, cols: int, acc_bits: int, floorplan: str | None, copies: int, *, steps: int = 1
    ) -> None:
        self._shape = rows, cols, acc_bits, floorplan
        self._steps = steps
        self._copies = copies
        super().__init__({"i": In(1), "o": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        rows, cols, acc_bits, _ = self._shape
        copies, steps = self._copies, self._steps
        m.submodules.array = array = SystolicArray(*self._shape, steps=steps)

        noise = Signal(8 * max(cols * steps, 8), reset_less=True)
        m.d.sync += noise.eq(Cat(self.i ^ noise[-1] ^ noise[-3], noise))

        # Weights: the address advances every cycle; words are written behind it.
        m.submodules.weights = weights = TrueDualPort(8 * cols * steps, 8192 // steps, input_copies=copies)
        weight_addr, write_addr = Signal.like(weights.a_addr), Signal.like(weights.b_addr)
        m.d.sync += [weight_addr.eq(weight_addr + 1), write_addr.eq(weight_addr - 5)]
        write_data = Signal(8 * cols * steps, reset_less=True)
        m.d.sync += write_data.eq(noise)
        m.d.comb += [
            weights.a_addr.eq(weight_addr),
            weights.b_we.eq((1 << len(weights.b_we)) - 1),
            weights.b_addr.eq(write_addr),
            weights.b_wdata.eq(write_data),
            array.w.eq(weights.a_data),
        ]

        # Pixels: read address and write bus pass from row to row, a register each.
        read_addr, fill_addr, fill_data = Signal(12), Signal(9), Signal(64, reset_less=True)
        m.d.sync += [read_addr.eq(read_addr + steps), fill_addr.eq(fill_addr + 1), fill_data.eq(noise)]
        for r in range(rows):
            pixels = SimpleDualPort(64, 512)
            m.submodules[f"pixels_{r}"] = pixels
            fill = Signal(name=f"fill_{r}", reset_less=True)
            m.d.sync += fill.eq(noise[r])
            m.d.comb += [
                pixels.w_en.eq(fill),
                pixels.w_addr.eq(fill_addr),
                pixels.w_data.eq(fill_data),
                pixels.r_en.eq(1),
                pixels.r_addr.eq(read_addr[3:]),
            ]
            select = read_addr[steps - 1 : 3]  # of a byte, or of two
            for _ in range(pixels.latency):
                later = Signal.like(select, name=f"select_{r}", reset_less=True)
                m.d.sync += later.eq(select)
                select = later
            chosen = Signal(8 * steps, name=f"chosen_{r}", reset_less=True)
            m.d.sync += chosen.eq(pixels.r_data.word_select(select, 8 * steps))
            m.d.comb += array.a[r].eq(chosen)
            above = {"read": read_addr, "addr": fill_addr, "data": fill_data}
            below = {name: Signal.like(value, name=f"{name}_{r}") for name, value in above.items()}
            m.d.sync += [below[name].eq(value) for name, value in above.items()]
            read_addr, fill_addr, fill_data = below["read"], below["addr"], below["data"]

        step = Signal(6)
        m.d.sync += [step.eq(step + 1), array.ctl.eq(Cat(noise[5], step == 0, step == 63))]

        folded = Signal(cols, reset_less=True)
        for c in range(cols):
            result = Signal(acc_bits, name=f"result_{c}", reset_less=True)
            with m.If(array.o_valid[c]):
                m.d.sync += result.eq(array.o[c])
            m.d.sync += folded[c].eq(result.xor())
        m.d.sync += self.o.eq(folded.xor())
        return m
