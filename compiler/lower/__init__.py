"""From an int8 graph of the machine's operations to logical passes."""
