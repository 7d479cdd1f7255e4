"""Top level of a bitstream: clock, reset, pads, as the board declares them; everything else is the machine that is also simulated."""

from __future__ import annotations

from typing import Any

from amaranth import Cat, ClockDomain, Const, DomainRenamer, Elaboratable, Instance, Module, Signal
from amaranth.hdl import IOPort, Value

from hwgen.boards.board import Board
from hwgen.boards.family import ClockGenerator
from hwgen.hw.memory.clock_ratio import COMMON_DOMAIN, MEMORY_DOMAIN

_RESET_BITS = 8


class BoardTop(Elaboratable):
    """The machine between the pads of a board.

    Every SDRAM pin is registered in its pad; the memory's clock is the inverse of the machine's, from a pad register too, so that
    command and data pins are stable half a period before and after its edges. A design without SDRAM leaves its pads alone.

    Where the memory has a clock of its own, its pads have it too, and the machine finds the domains that it needs.

    Parameters:
        machine: component with `rx`, `tx`, `leds` and, with SDRAM, `sdram` members.
        board: the board.
        clock: settings of the generator that makes the machine's clock from the oscillator's.
        sdram: whether the design has SDRAM.
    """

    def __init__(self, machine: Elaboratable, board: Board, clock: ClockGenerator, *, sdram: bool = True) -> None:
        self.machine = machine
        self.board = board
        self.clock = clock
        self.sdram = sdram
        self._pad_domain = "sync" if clock.ratio.same else MEMORY_DOMAIN
        self.ports = {name: IOPort(width, name=name) for name, width in board.ports(sdram=sdram).items()}
        self._cells = board.part.family.cells

    def elaborate(self, platform: object) -> Module:
        m = Module()
        wiring = self.board.wiring
        m.submodules.machine = machine = self.machine
        self._clock(m)

        pad_rx = Signal()
        received = Signal(2, init=3)
        self._input(m, wiring.serial_in, pad_rx)
        m.d.sync += received.eq(Cat(pad_rx, received[0]))
        m.d.comb += machine.rx.eq(received[1])
        self._output(m, wiring.serial_out, machine.tx)
        dark = len(self.ports[wiring.leds]) - len(machine.leds)
        self._output(m, wiring.leds, Cat(machine.leds, Const(0, dark)) if dark > 0 else machine.leds)
        if self.sdram:
            self._memory(m, machine.sdram)
        return m

    def _memory(self, m: Module, pins: Any) -> None:
        """The pads of the SDRAM."""
        clock = Signal()
        m.submodules.sdram_clock = self._of_memory(self._cells.inverted_clock(clock))
        for pin, port in self.board.memory.ports.items():
            if pin == "clk":
                self._output(m, port, clock, registered=False)
            elif pin != "dq":
                self._output(m, port, getattr(pins, pin), of_memory=True)
            else:
                self._data(m, port, pins)

    def _data(self, m: Module, port: str, pins: Any) -> None:
        """The bidirectional pads of the SDRAM's data."""
        cells = self._cells
        for i in range(len(self.ports[port])):
            out, off, pad = Signal(name=f"d_out{i}"), Signal(name=f"d_off{i}"), Signal(name=f"d_in{i}")
            m.submodules[f"{port}_out{i}"] = self._of_memory(cells.output_register(pins.dq_o[i], out))
            m.submodules[f"{port}_off{i}"] = self._of_memory(cells.output_register(~pins.dq_oe, off))
            m.submodules[f"{port}_pad{i}"] = cells.bidirectional_pad(
                out=out, off=off, value=pad, port=self.ports[port][i]
            )
            m.submodules[f"{port}_in{i}"] = self._of_memory(cells.input_register(pad, pins.dq_i[i]))

    def _of_memory(self, cell: Instance) -> Elaboratable:
        """A cell with the memory's clock."""
        return cell if self._pad_domain == "sync" else DomainRenamer(self._pad_domain)(cell)

    def _clock(self, m: Module) -> None:
        """The machine's clock from the oscillator, and a reset that ends 2^_RESET_BITS cycles after the generator has locked."""
        oscillator, clock, locked = Signal(), Signal(), Signal()
        self._input(m, self.board.wiring.clock, oscillator)
        memory, common = Signal(), Signal()
        m.submodules.pll = self._cells.clock_generator(
            self.clock, oscillator=oscillator, clock=clock, locked=locked, memory=memory, common=common
        )
        m.domains.sync = sync = ClockDomain("sync")
        m.domains.start = start = ClockDomain("start", reset_less=True)
        settled = Signal(2)
        count = Signal(_RESET_BITS)
        reset = Signal(init=1)
        m.d.comb += [sync.clk.eq(clock), start.clk.eq(clock)]
        buffer = self._cells.reset_buffer(self.board.part, reset, sync.rst)
        if buffer is not None:
            m.submodules.reset_buffer = buffer
        else:
            m.d.comb += sync.rst.eq(reset)
        m.d.start += [settled.eq(Cat(locked, settled[0])), reset.eq(~count.all())]
        with m.If(~settled[1]):
            m.d.start += count.eq(0)
        with m.Elif(~count.all()):
            m.d.start += count.eq(count + 1)
        if not self.clock.ratio.same:
            self._memory_clock(m, memory, common, reset)

    def _memory_clock(self, m: Module, memory: Signal, common: Signal, reset: Signal) -> None:
        """The domains of a memory with a clock of its own, and a reset there that follows the machine's."""
        m.domains.memory = domain = ClockDomain(MEMORY_DOMAIN)
        m.domains.memory_start = start = ClockDomain("memory_start", reset_less=True)
        m.domains.common = edges = ClockDomain(COMMON_DOMAIN, reset_less=True)
        held = Signal(2, init=3)
        m.d.comb += [domain.clk.eq(memory), start.clk.eq(memory), domain.rst.eq(held[1])]
        m.d.memory_start += held.eq(Cat(reset, held[0]))
        buffer = self._cells.clock_buffer(common, edges.clk)
        if buffer is not None:
            m.submodules.common_buffer = buffer
        else:
            m.d.comb += edges.clk.eq(common)

    def _input(self, m: Module, port: str, value: Signal) -> None:
        m.submodules[f"{port}_pad"] = self._cells.input_pad(self.ports[port], value)

    def _output(self, m: Module, port: str, value: Value, *, registered: bool = True, of_memory: bool = False) -> None:
        for i in range(len(self.ports[port])):
            out: Value = value[i]
            if registered:
                out = Signal(name=f"{port}_q{i}")
                register = self._cells.output_register(value[i], out)
                m.submodules[f"{port}_register{i}"] = self._of_memory(register) if of_memory else register
            m.submodules[f"{port}_pad{i}"] = self._cells.output_pad(out, self.ports[port][i])
