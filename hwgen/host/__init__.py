"""The side of the computer that a board is connected to: the serial link, and frames over it."""
