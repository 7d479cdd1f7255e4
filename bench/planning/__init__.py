"""Processor seconds of planning, network by network."""
