"""The fetch: which words of the activation memory a pass reads, and in which cycle."""
