"""Every network of the zoo at its published sizes, a whole frame on the RTL."""
