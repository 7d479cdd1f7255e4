"""Mutants of the sources, and whether the tests beside them notice: `python -m tests.mutants --help`.

Of the ready tools none fits.  mutmut 3 finds the functions that it changes by the path of their package, but `hwgen/hw` and its like are
links to folders beside it; it leaves module constants alone, which most of the limits here are; and its switch inside a component's
`elaborate` is not seen by the simulator, which is another process.  cosmic-ray keeps a session that can be resumed, but has one test
command for a whole session and starts an interpreter for each mutant: three seconds of imports where a test takes half of one.  Neither
runs just the tests that reach a line, cheapest first.

Here every mutant is a text that replaces another one in a file of a copy of the tree; the tests that reach its statement run in a process
forked from one that has imported the large packages already.
"""
