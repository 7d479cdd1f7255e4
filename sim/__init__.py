"""Golden model, timing model, benches and models of what lies outside the FPGA."""
