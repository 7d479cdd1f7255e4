"""The jobs of hwgen, one file each: a function that takes and returns objects. The documented names of them are in `hwgen`."""
