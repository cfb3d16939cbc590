"""Sweeps: any grid over models, workflows, sizes and seeds, on one machine or on many.

A `Sweep` is plain data, from a TOML file or a mapping; `run` computes its cells into a folder,
each written whole or not at all, and goes on where it was stopped.
"""

from modelcollapse.sweep.cells import Cell
from modelcollapse.sweep.engine import Outcome, run
from modelcollapse.sweep.grid import Sweep
from modelcollapse.sweep.store import read

__all__ = ["Cell", "Outcome", "Sweep", "read", "run"]
