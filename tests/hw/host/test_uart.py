"""Serial receiver and transmitter at the clocks and the baud rate of real builds."""

from __future__ import annotations

from pathlib import Path

import pytest
from amaranth import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hwgen.hw.host.uart import UartReceiver, UartTransmitter, phase_step
from hwgen.hw.isa.host_protocol import BAUD
from hwgen.sim.harness.runner import simulate


class UartPair(wiring.Component):
    """Receiver and transmitter, not connected."""

    def __init__(self, clock_hz: int, baud: int) -> None:
        self.clock_hz, self.baud = clock_hz, baud
        super().__init__(
            {"rx": In(1), "data": Out(8), "data_valid": Out(1), "i": In(stream.Signature(8)), "tx": Out(1, init=1)}
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.receiver = receiver = UartReceiver(self.clock_hz, self.baud)
        m.submodules.transmitter = transmitter = UartTransmitter(self.clock_hz, self.baud)
        wiring.connect(m, wiring.flipped(self.i), transmitter.i)
        m.d.comb += [
            receiver.rx.eq(self.rx),
            self.data.eq(receiver.data),
            self.data_valid.eq(receiver.data_valid),
            self.tx.eq(transmitter.tx),
        ]
        return m


@pytest.mark.parametrize(("clock_hz", "baud"), [(90_000_000, BAUD), (125_000_000, BAUD), (80_000_000, 10_000_000)])
def test_uart(clock_hz: int, baud: int, bench_dir: Path) -> None:
    simulate(
        UartPair(clock_hz, baud),
        name=f"uart_{clock_hz}",
        test_module="tests.cocotb.bench_uart",
        build_dir=bench_dir,
        env={"UART_BIT_CYCLES": str(clock_hz / baud)},
    )


@pytest.mark.parametrize("clock_hz", range(90_000_000, 143_000_001, 1_000_000))
def test_baud_error(clock_hz: int) -> None:
    assert abs(phase_step(clock_hz, BAUD) * clock_hz / 2**16 / BAUD - 1) < 5e-4


def test_impossible_baud() -> None:
    with pytest.raises(ValueError, match="baud must be clock_hz / 8 at most"):
        phase_step(20_000_000, BAUD)
