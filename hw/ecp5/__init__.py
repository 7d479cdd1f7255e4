"""ECP5 primitives instantiated directly."""
