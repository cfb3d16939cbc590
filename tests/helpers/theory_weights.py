"""Workflows that keep or bring real rows, in the long run, as `test_theory` walks them."""

from tests.helpers.theory_exponential import experiment, loops
from theory import weights

DERIVATIONS = weights.DERIVATIONS
PROOFS = weights.PROOFS

__all__ = ["DERIVATIONS", "PROOFS", "experiment", "loops"]
