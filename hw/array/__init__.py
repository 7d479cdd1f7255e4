"""The systolic array with what feeds it: pixel ring, feeder, weight memory; and the collector behind it."""
