"""The clock of the array with its memories alone."""
