"""The host link: the machine's side of the serial protocol."""
