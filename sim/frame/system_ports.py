"""Ports that a simulated system has, whatever memory its machine has: what `hwgen.sim.harness.serial_frame` knows of it."""

from __future__ import annotations

from amaranth.lib.wiring import In, Out

SYSTEM_PORTS = {
    "rx": In(1),
    "tx": Out(1),
    "initialised": Out(1),
    "frame_done": Out(1),
    "passes_done": Out(16),
    "violations": Out(32),
}
