"""A monitor's bets, as `test_theory` walks them: proofs alone."""

from theory import monitor

DERIVATIONS = ()
PROOFS = monitor.PROOFS

__all__ = ["DERIVATIONS", "PROOFS"]
