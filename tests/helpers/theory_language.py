"""Transformers on a finite language, as `test_theory` walks them: proofs alone."""

from theory import language

DERIVATIONS = ()
PROOFS = language.PROOFS

__all__ = ["DERIVATIONS", "PROOFS"]
