"""The DMA: a halfword of the command stream goes through a part a file."""
