"""Top level of a bitstream for the ULX3S: clock, reset, pads; everything else is the machine that is also simulated."""

from __future__ import annotations

from typing import Any

from amaranth import Cat, ClockDomain, ClockSignal, Const, Elaboratable, Module, Signal
from amaranth.hdl import Instance, IOPort, Value

from hwgen.boards.ecp5.pll import Pll

IO_REGISTERS = 2
"""Cycles that the registers in the pads add to a signal's way from the machine to the memory and back."""

_RESET_BITS = 8

BASE_PORTS = {"clk_25mhz": 1, "ftdi_rxd": 1, "ftdi_txd": 1, "led": 8}
"""Names and widths of the ports of every design, as in the board's constraints."""

PORTS = {
    **BASE_PORTS,
    "sdram_clk": 1,
    "sdram_cke": 1,
    "sdram_csn": 1,
    "sdram_rasn": 1,
    "sdram_casn": 1,
    "sdram_wen": 1,
    "sdram_a": 13,
    "sdram_ba": 2,
    "sdram_dqm": 2,
    "sdram_d": 16,
}
"""The same of a design with SDRAM."""


def ports(sdram: bool) -> dict[str, int]:
    """Names and widths of the ports of a design with or without SDRAM."""
    return PORTS if sdram else BASE_PORTS


class Ulx3sTop(Elaboratable):
    """The machine between the pads of a ULX3S.

    Every SDRAM pin is registered in its pad; the memory's clock is the inverse of the machine's, from a pad register too, so that
    command and data pins are stable half a period before and after its edges. A design without SDRAM leaves its pads alone.

    Parameters:
        machine: component with `rx`, `tx`, `leds` and, with SDRAM, `sdram` members.
        pll: settings of the EHXPLLL that makes the machine's clock from the oscillator's.
        sdram: whether the design has SDRAM.
        global_reset: see `hwgen.boards.board.Part`.
    """

    def __init__(self, machine: Elaboratable, pll: Pll, *, sdram: bool = True, global_reset: bool = True) -> None:
        self.machine = machine
        self.pll = pll
        self.sdram = sdram
        self.global_reset = global_reset
        self.ports = {name: IOPort(width, name=name) for name, width in ports(sdram).items()}

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.machine = machine = self.machine
        self._clock(m)

        pad_rx = Signal()
        received = Signal(2, init=3)
        self._input(m, "ftdi_txd", pad_rx)  # the bridge's TXD is our receiver
        m.d.sync += received.eq(Cat(pad_rx, received[0]))
        m.d.comb += machine.rx.eq(received[1])
        self._output(m, "ftdi_rxd", machine.tx)
        self._output(m, "led", machine.leds)
        if self.sdram:
            self._memory(m, machine.sdram)
        return m

    def _memory(self, m: Module, pins: Any) -> None:
        """The pads of the SDRAM."""
        clock = Signal()
        m.submodules.sdram_clock = Instance(
            "ODDRX1F", i_SCLK=ClockSignal(), i_RST=Const(0), i_D0=Const(0), i_D1=Const(1), o_Q=clock
        )
        self._output(m, "sdram_clk", clock, registered=False)
        outputs = {
            "sdram_cke": pins.cke,
            "sdram_csn": pins.cs_n,
            "sdram_rasn": pins.ras_n,
            "sdram_casn": pins.cas_n,
            "sdram_wen": pins.we_n,
            "sdram_a": pins.a,
            "sdram_ba": pins.ba,
            "sdram_dqm": pins.dqm,
        }
        for name, value in outputs.items():
            self._output(m, name, value)
        for i in range(PORTS["sdram_d"]):
            out, off, pad = Signal(name=f"d_out{i}"), Signal(name=f"d_off{i}"), Signal(name=f"d_in{i}")
            m.submodules[f"sdram_d_out{i}"] = _output_register(pins.dq_o[i], out)
            m.submodules[f"sdram_d_off{i}"] = _output_register(~pins.dq_oe, off)
            m.submodules[f"sdram_d_pad{i}"] = Instance("BB", i_I=out, i_T=off, o_O=pad, io_B=self.ports["sdram_d"][i])
            m.submodules[f"sdram_d_in{i}"] = Instance(
                "IFS1P3DX", i_D=pad, i_SP=Const(1), i_SCLK=ClockSignal(), i_CD=Const(0), o_Q=pins.dq_i[i]
            )

    def _clock(self, m: Module) -> None:
        """The machine's clock from the oscillator, and a reset that ends 2^_RESET_BITS cycles after the PLL has locked."""
        oscillator, clock, locked = Signal(), Signal(), Signal()
        self._input(m, "clk_25mhz", oscillator)
        m.submodules.pll = Instance(
            "EHXPLLL",
            **{f"p_{name}": value for name, value in self.pll.parameters.items()},
            **{f"a_{name}": value for name, value in self.pll.attributes.items()},
            i_CLKI=oscillator,
            i_CLKFB=clock,
            i_RST=Const(0),
            i_STDBY=Const(0),
            i_PHASESEL0=Const(0),
            i_PHASESEL1=Const(0),
            i_PHASEDIR=Const(1),
            i_PHASESTEP=Const(1),
            i_PHASELOADREG=Const(1),
            i_PLLWAKESYNC=Const(0),
            i_ENCLKOP=Const(0),
            o_CLKOP=clock,
            o_LOCK=locked,
        )
        m.domains.sync = sync = ClockDomain("sync")
        m.domains.start = start = ClockDomain("start", reset_less=True)
        settled = Signal(2)
        count = Signal(_RESET_BITS)
        reset = Signal(init=1)
        m.d.comb += [sync.clk.eq(clock), start.clk.eq(clock)]
        if self.global_reset:
            # Over ordinary wires the reset takes some 10 ns across the largest die, more than everything else in the design.
            m.submodules.reset_buffer = Instance("DCCA", i_CLKI=reset, i_CE=Const(1), o_CLKO=sync.rst)
        else:
            m.d.comb += sync.rst.eq(reset)
        m.d.start += [settled.eq(Cat(locked, settled[0])), reset.eq(~count.all())]
        with m.If(~settled[1]):
            m.d.start += count.eq(0)
        with m.Elif(~count.all()):
            m.d.start += count.eq(count + 1)

    def _input(self, m: Module, name: str, value: Signal) -> None:
        m.submodules[f"{name}_pad"] = Instance("IB", i_I=self.ports[name], o_O=value)

    def _output(self, m: Module, name: str, value: Value, *, registered: bool = True) -> None:
        for i in range(PORTS[name]):
            out: Value = value[i]
            if registered:
                out = Signal(name=f"{name}_q{i}")
                m.submodules[f"{name}_register{i}"] = _output_register(value[i], out)
            m.submodules[f"{name}_pad{i}"] = Instance("OB", i_I=out, o_O=self.ports[name][i])


def _output_register(value: Value, out: Value) -> Instance:
    """A register in the output pad."""
    return Instance("OFS1P3DX", i_D=value, i_SP=Const(1), i_SCLK=ClockSignal(), i_CD=Const(0), o_Q=out)
