"""The checking SDRAM model `sim/models/sdram.v` as a component for simulated systems."""

from __future__ import annotations

from amaranth import ClockSignal, Const, Instance, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwgen.hw.memory.sdram import sdram_pins
from hwgen.hw.memory.sdram_config import SdramConfig, SdramPart
from hwgen.sim.harness.runner import MODELS

SDRAM_SOURCE = MODELS / "sdram.v"
"""Must be among the sources of a simulation that holds an `SdramChip`."""


class SdramChip(wiring.Component):
    """Memory on the inverted clock; its limits are the part's, whatever the controller made of them.

    Parameters:
        config: clock; pause after power-up (`init_us`); delay of the read data that goes with `capture_delay`.
        part: limits that are checked, and geometry; default those of `config`.
        depth: halfwords that exist; the rest of the memory is not simulated.
        fatal: whether a broken rule ends the simulation.

    Members:
        pins : In(sdram_pins(part)).
        violations : Out(32), a bit per broken rule, numbered as in the model.
        errors, refreshes, reads, writes : Out(32), counts.

    Timing: read data change in the middle of a cycle for capture_delay 0, at the start of a cycle for 1 and 2, so that
        a register that captures a cycle too early or too late sees other data. Registers in the pads are outside.
        Run with `+sdram_hex=FILE` to fill it.
    """

    def __init__(
        self, config: SdramConfig, *, part: SdramPart | None = None, depth: int = 1 << 22, fatal: bool = True
    ) -> None:
        self.config = config
        self.part = part or config.part
        self.depth = depth
        self.fatal = fatal
        super().__init__(
            {
                "pins": In(sdram_pins(self.part)),
                "violations": Out(32),
                "errors": Out(32),
                "refreshes": Out(32),
                "reads": Out(32),
                "writes": Out(32),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        part = self.part
        pins = self.pins
        m.submodules.memory = Instance(
            "sdram",
            p_CLOCK_PS=10**12 // self.config.clock_hz,
            p_DEPTH=self.depth,
            p_COLUMN_BITS=part.column_bits,
            p_BANK_BITS=part.bank_bits,
            p_ROW_BITS=part.row_bits,
            p_ADDRESS_PINS=part.address_pins,
            p_HALF_DELAY=(0, 1, 3)[self.config.capture_delay],
            p_FATAL=int(self.fatal),
            p_INIT_PS=Const(self.config.init_us * 1_000_000, 64),
            p_T_RCD=part.rcd,
            p_T_RP=part.rp,
            p_T_RC=part.rc,
            p_T_RAS=part.ras,
            p_T_RAS_MAX=Const(part.ras_max, 64),
            p_T_RRD=part.rrd,
            p_N_RRD=part.rrd_cycles,
            p_T_RFC=part.rfc,
            p_T_WR=part.wr,
            p_N_WR=part.wr_cycles,
            p_N_MRD=part.mrd_cycles,
            p_T_REFI=Const(part.refresh, 64),
            p_T_REFI_SLACK=Const(part.refresh, 64),
            p_T_REFI_MAX=Const(2 * part.refresh, 64),
            p_T_CK2=part.cl2,
            p_T_CK3=part.cl3,
            i_clk=~ClockSignal(),
            i_cke=pins.cke,
            i_cs_n=pins.cs_n,
            i_ras_n=pins.ras_n,
            i_cas_n=pins.cas_n,
            i_we_n=pins.we_n,
            i_ba=pins.ba,
            i_a=pins.a,
            i_dqm=pins.dqm,
            i_dq_i=pins.dq_o,
            i_dq_i_en=pins.dq_oe,
            o_dq_o=pins.dq_i,
            o_violations=self.violations,
            o_errors=self.errors,
            o_refreshes=self.refreshes,
            o_reads=self.reads,
            o_writes=self.writes,
        )
        return m
