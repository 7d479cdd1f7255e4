"""What compiler and hardware agree on: the machine's parameters, the formats of what it reads, and the sizes of its memories."""
