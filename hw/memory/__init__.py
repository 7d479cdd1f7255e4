"""The activation memory, the SDRAM controller, and what moves data between them."""
