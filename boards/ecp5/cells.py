"""The family's cells between the machine and the balls: pads, their registers, the PLL, the buffers of global nets."""

from __future__ import annotations

from amaranth.hdl import ClockSignal, Const, Instance, IOValue, Signal, Value

from hwgen.boards.ecp5.part import own
from hwgen.boards.ecp5.pll import Pll
from hwgen.boards.ecp5.pll_pair import PllPair
from hwgen.boards.family import Cells, ClockGenerator
from hwgen.compiler.plan.target import Part


class Ecp5Cells(Cells):
    """See `hwgen.boards.family.Cells`."""

    def input_pad(self, port: IOValue, value: Signal) -> Instance:
        return Instance("IB", i_I=port, o_O=value)

    def output_pad(self, value: Value, port: IOValue) -> Instance:
        return Instance("OB", i_I=value, o_O=port)

    def bidirectional_pad(self, *, out: Value, off: Value, value: Signal, port: IOValue) -> Instance:
        return Instance("BB", i_I=out, i_T=off, o_O=value, io_B=port)

    def input_register(self, value: Value, out: Value) -> Instance:
        return Instance("IFS1P3DX", i_D=value, i_SP=Const(1), i_SCLK=ClockSignal(), i_CD=Const(0), o_Q=out)

    def output_register(self, value: Value, out: Value) -> Instance:
        return Instance("OFS1P3DX", i_D=value, i_SP=Const(1), i_SCLK=ClockSignal(), i_CD=Const(0), o_Q=out)

    def inverted_clock(self, out: Signal) -> Instance:
        return Instance("ODDRX1F", i_SCLK=ClockSignal(), i_RST=Const(0), i_D0=Const(0), i_D1=Const(1), o_Q=out)

    def clock_generator(
        self,
        settings: ClockGenerator,
        *,
        oscillator: Signal,
        clock: Signal,
        locked: Signal,
        memory: Signal,
        common: Signal,
    ) -> Instance:
        assert isinstance(settings, Pll | PllPair)
        one = isinstance(settings, Pll)
        outputs = {"o_CLKOP": clock} if one else {"o_CLKOP": memory, "o_CLKOS": clock, "o_CLKOS2": common}
        return Instance(
            "EHXPLLL",
            **{f"p_{name}": value for name, value in settings.parameters.items()},
            **{f"a_{name}": value for name, value in settings.attributes.items()},
            i_CLKI=oscillator,
            i_CLKFB=clock if one else memory,
            i_RST=Const(0),
            i_STDBY=Const(0),
            i_PHASESEL0=Const(0),
            i_PHASESEL1=Const(0),
            i_PHASEDIR=Const(1),
            i_PHASESTEP=Const(1),
            i_PHASELOADREG=Const(1),
            i_PLLWAKESYNC=Const(0),
            i_ENCLKOP=Const(0),
            **outputs,
            o_LOCK=locked,
        )

    def clock_buffer(self, clock: Signal, out: Signal) -> Instance | None:
        return Instance("DCCA", i_CLKI=clock, i_CE=Const(1), o_CLKO=out)

    def reset_buffer(self, part: Part, reset: Signal, out: Signal) -> Instance | None:
        # Over ordinary wires the reset takes some 10 ns across the largest die, more than everything else in the design.
        return Instance("DCCA", i_CLKI=reset, i_CE=Const(1), o_CLKO=out) if own(part).global_reset else None
