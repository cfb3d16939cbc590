"""The room of language by counts, as `test_theory` walks it."""

import numpy as np
from hypothesis import strategies as st
from sympy import Rational

import modelcollapse as mc
from theory import markov

DERIVATIONS = markov.DERIVATIONS
PROOFS = markov.PROOFS


def experiment(loop):
    """Return the package's experiment for a language."""
    truth = mc.markov.Language(np.array(loop.start, float), np.array(loop.after, float))
    model = mc.Markov(len(loop.start))
    return mc.Experiment(model, mc.Accumulate(), loop.texts, loop.generations, truth=truth)


@st.composite
def loops(draw, domain):
    """Draw a language of positive probabilities."""
    words = draw(st.integers(1, domain.words))

    def row(length):
        parts = draw(st.lists(st.integers(1, 9), min_size=length, max_size=length))
        return tuple(Rational(part, sum(parts)) for part in parts)

    return markov.Language(
        row(words),
        tuple(row(words + 1) for _ in range(words)),
        draw(st.integers(1, domain.texts)),
        draw(st.integers(1, domain.generations)),
    )
