"""The timing model: cycles of passes, of the SDRAM and of a frame."""
