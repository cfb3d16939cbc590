"""What one generation is, without chance: its rows, its law, and what no law can beat."""

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse.ledger.entries.language.claims import AtMostClaim, DrawsClaim
from modelcollapse.ledger.entries.language.common import (
    ANY,
    DERIVED,
    DESIGNS,
    LAW,
    REPLACED,
    ROWS,
    N,
    T,
    compared,
    next_prompts,
)
from modelcollapse.ledger.entries.language.design import MEAN, MOST, PROMPTS
from modelcollapse.ledger.theorem import Theorem

if TYPE_CHECKING:
    from collections.abc import Callable

    from modelcollapse.language.finite import Chains

ROUNDING = 1e-4  # of float32: three tokens' logarithms, and sums of a thousand rows
V = len(LAW)


def _rows_off(sizes: tuple[int, ...], chains: "Chains") -> float:
    """Return the most by which a prompt's training rows are more or fewer than these."""
    return float(np.abs(chains.counts.sum(axis=-1) - np.array(sizes)).max())


SIZES = {"replace": (N,) * T, "accumulate": (N, 2 * N, 3 * N), "accumulate-subsample": (N,) * T}
OTHERS = {"replace": "accumulate", "accumulate": "replace", "accumulate-subsample": "accumulate"}


def _rows(workflow: str) -> Theorem:
    sizes, other = SIZES[workflow], OTHERS[workflow]
    return Theorem(
        f"language/{workflow}/rows",
        "Every prompt has exactly the rows of its workflow: none is lost where a text is encoded, "
        "sampled, read back or chosen.",
        r"\sum_ac_{m,t,a}=n_t\ \mathrm{for\ every\ prompt}\ m",
        DERIVED,
        "one-token prompts and answers; malformed answers are drawn again",
        "bound",
        ROWS,
        AtMostClaim(
            DESIGNS[workflow],
            partial(_rows_off, sizes),
            0.0,
            {
                "a row fewer": partial(_rows_off, tuple(n - 1 for n in sizes)),
                "a row more": partial(_rows_off, tuple(n + 1 for n in sizes)),
                f"{other}'s": partial(_rows_off, SIZES[other]),
            },
        ),
    )


def _last(chains: "Chains") -> Floats:
    return chains.empirical


def _fewer(chains: "Chains") -> Floats:
    """Return the law without one row, of the most frequent answer."""
    counts = chains.counts.copy()
    most = counts.argmax(axis=-1)[..., None]
    np.put_along_axis(counts, most, np.take_along_axis(counts, most, axis=-1) - 1, axis=-1)
    return np.asarray(counts / counts.sum(axis=-1, keepdims=True))


def _smoothed(chains: "Chains") -> Floats:
    counts = chains.counts + 0.1
    return np.asarray(counts / counts.sum(axis=-1, keepdims=True))


def _before(chains: "Chains") -> Floats:
    """Return the empirical laws of the generations before."""
    return chains.empirical[:, :-1]


def _empirical(workflow: str) -> Theorem:
    return Theorem(
        f"language/{workflow}/empirical-law",
        "A trained transformer's law of answers is the empirical law of its training rows, at "
        "every prompt.",
        r"\mathrm{TV}(q_{m,t},\hat p_{m,t})\le\varepsilon\ \mathrm{for\ every\ prompt}\ m",
        DERIVED,
        ANY,
        "bound",
        f"{ROWS}; in units of {MOST:g}, or of {MEAN:g} on average over a model",
        AtMostClaim(
            DESIGNS[workflow],
            compared(_last),
            1.0,
            {
                "of a row fewer": compared(_fewer),
                "a tenth of a row more of each answer": compared(_smoothed),
                "the last generation's": compared(_before),
                "another prompt's": compared(lambda c: next_prompts(c.empirical)),
            },
        ),
    )


def _models(chains: "Chains", values: Floats) -> Floats:
    """Return sums over the rows of each model, shape (models, generations)."""
    return np.asarray(chains.by_model(values).sum(axis=(1, -1)))


def _likelihood(scale: float, chains: "Chains") -> float:
    """Return the largest probability that a model gives to the language, less 1."""
    return float(_models(chains, np.exp(-scale * chains.nats)).max() - 1)


def _given_prompts(chains: "Chains") -> float:
    return float(PROMPTS * _models(chains, np.exp(-chains.nats)).max() - 1)


def _entropy(shares: Floats) -> Floats:
    """Return -sum p log p, 0 log 0 being 0, over the last axis."""
    logs = np.log(np.where(shares > 0, shares, 1.0))
    return np.asarray(-(shares * logs).sum(axis=-1))


def _beaten(floor: "Callable[[Chains], Floats]") -> "Callable[[Chains], float]":
    """Return the most by which a model's training loss, nats per row, is below a floor.

    The floor is that of the answers, shape (chains, generations); log M is the prompts'.
    """

    def measured(chains: "Chains") -> float:
        loss = _models(chains, chains.empirical * chains.nats) / PROMPTS
        floors = chains.by_model(floor(chains)).mean(axis=1) + np.log(PROMPTS)
        return float((floors - loss).max())

    return measured


def _own_entropy(chains: "Chains") -> Floats:
    return _entropy(chains.empirical)


def _tempered(power: float, chains: "Chains") -> Floats:
    laws = chains.laws[:, :-1] ** power
    return np.asarray(laws / laws.sum(axis=-1, keepdims=True))


def _first(chains: "Chains") -> Floats:
    """Return the laws of the most probable answer alone."""
    laws = chains.laws[:, :-1]
    return np.asarray(np.eye(V)[laws.argmax(axis=-1)])


THEOREMS = [
    *(_rows(workflow) for workflow in DESIGNS),
    *(_empirical(workflow) for workflow in DESIGNS),
    Theorem(
        "language/replace/drawn-tokens",
        "Every token that a transformer has sampled has the law that the transformer has: no "
        "temperature, no cut, no row of another prompt.",
        r"x_{m,t,j}\mid q_{m,t}\sim q_{m,t}",
        DERIVED,
        "one-token prompts and answers; malformed answers are drawn again",
        "law",
        ROWS,
        DrawsClaim(
            REPLACED,
            lambda c: c.laws[:, :-1],
            {
                "at a third of the temperature": partial(_tempered, 3.0),
                "at three times the temperature": partial(_tempered, 1 / 3),
                "of another prompt": lambda c: next_prompts(c.laws[:, :-1]),
                "the most probable answer": _first,
            },
        ),
        keywords="top-k seed sampler",
    ),
    Theorem(
        "language/replace/entropy-floor",
        "No model's loss on its training rows is below their entropy.",
        r"-\frac1M\sum_{m,a}\hat p_{m,a}\log q(m,a)\ge\log M+\frac1M\sum_mH(\hat p_m)",
        "Gibbs' inequality",
        "any model",
        "bound",
        f"{ROWS}; nats per row",
        AtMostClaim(
            REPLACED,
            _beaten(_own_entropy),
            ROUNDING,
            {
                "in bits": _beaten(lambda c: _own_entropy(c) / np.log(2)),
                "0.02 nats more": _beaten(lambda c: _own_entropy(c) + 0.02),
                "of the real answers": _beaten(
                    lambda c: np.full(c.counts.shape[:2], _entropy(np.array(LAW)))
                ),
                "of the generation before": _beaten(
                    lambda c: np.concatenate(
                        [_own_entropy(c)[:, :1], _own_entropy(c)[:, :-1]], axis=1
                    )
                ),
            },
        ),
        keywords="loss perplexity optimum",
    ),
    Theorem(
        "language/replace/likelihood-ratio",
        "The expected likelihood ratio of a model to the truth is the model's probability of the "
        "language, at most 1.",
        r"E_p\prod_i\frac{q(x_i\mid x_{<i})}{p(x_i\mid x_{<i})}=\sum_{p(x)>0}q(x)\le1",
        "Ville; for the sum Kraft's inequality",
        "any model",
        "bound",
        ROWS,
        AtMostClaim(
            REPLACED,
            partial(_likelihood, 1.0),
            ROUNDING,
            {
                "a token's mean for their sum": partial(_likelihood, 1 / 3),
                "bits for nats": partial(_likelihood, float(np.log(2))),
                "given the prompts": _given_prompts,
            },
        ),
    ),
]
