"""A frozen record of what the package does: some 2,000 loops, predicted and simulated.

The loops are drawn from a seed, family by family and workflow by workflow, and written as text that
builds them. For each of them the record holds everything that `mc.predict` says of it and the bits
of a few replicates of `mc.simulate`, or the error that either raises. `test_frozen.py` does
all of it again and compares, so that a change inside the package that changes what it does is seen.
The record says what was, not what is right: that is for the other tests.

dice         numbers from a seed, the same for ever
parts        functions, a kernel and workflows of one's own, for the loops
schedules    workflows and batch sizes, as text
families     models, truths and what is simulated, as text
experiments  the loops of each family and workflow
observe      everything that a loop is predicted and simulated to be
store        the record in files, one for each family and workflow
machine      the machine that the bits belong to
scales       how near a number must be to the recorded one
differences  what differs from the record, in words

``python -m tests.frozen`` shows, compares and renews the record; see `tests.frozen.__main__`.
"""
