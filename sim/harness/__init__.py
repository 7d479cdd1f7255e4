"""Runs Amaranth components under Verilator and cocotb."""
