"""Golden model, timing model, simulation harness and models of what lies outside the FPGA."""
