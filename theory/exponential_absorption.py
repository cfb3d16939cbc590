"""The probability that a fit is degenerate: all its training rows are 0, or all are the largest.

Such a model samples the same rows again. A row of any of the families on 0, 1, 2, ... is 0 with
probability e^{-b(theta)}, because the measure has the mass 1 at 0.
"""

from typing import Any

import mpmath as mp
from sympy import N, Rational, exp, oo

from theory import discrete_loop
from theory.discrete_law import collapsed
from theory.exponential_families import FAMILIES, MEAN, THETA, A
from theory.exponential_loop import Loop
from theory.weights_loop import TRUTH, Plan

DIGITS = 40


def _real(value: Any) -> mp.mpf:
    value = Rational(value)
    return mp.mpf(int(value.p)) / int(value.q)


def poisson(loop: Loop) -> list[mp.mpf]:
    """Return P(m_t = 0), Poisson, deterministic workflows.

    It is E prod over parts of z_p^{S_p}, S_p the sum of part p, z_p = 0 where fit t has weight
    and 1 elsewhere. The newest part is Poisson with the mean n d, d = sum_q w_q S_q / n_q the
    model it is sampled from, and E z^S = e^{n d (z-1)} multiplies z_q by e^{n (z-1) w_q / n_q}.
    """
    plan, found = loop.plan, []
    with mp.workdps(DIGITS):
        for t in range(1, plan.generations + 1):
            parts = plan.parts(t)
            z = [mp.mpf(int(w == 0)) for w in plan.part_weights(t)]
            log = mp.mpf(0)
            for p in range(len(parts) - 1, -1, -1):
                rows, source = parts[p].rows, parts[p].source
                if source == TRUTH:
                    log += rows * _real(loop.mean) * (z[p] - 1)
                    continue
                for q, w in enumerate(plan.part_weights(source)):
                    share = _real(Rational(int(w.numerator), int(w.denominator)))
                    z[q] *= mp.exp(rows * (z[p] - 1) * share / parts[q].rows)
            found.append(mp.exp(log))
    return found


def binomial(loop: Loop) -> list[Rational]:
    """Return P(m_t = 0 or m_t = trials): a row is a batch of Bernoulli rows of its own.

    So the loop is one of two symbols, with all sizes times the trials; `discrete_loop` has the
    law of its counts.
    """
    plan, trials = loop.plan, int(loop.parameter)
    option = plan.option
    if plan.workflow == "web":
        option = tuple(tuple(trials * n for n in curve) for curve in option)
    expanded = Plan(plan.workflow, tuple(trials * n for n in plan.sizes), option)
    chance = loop.mean / trials
    return collapsed(discrete_loop.Loop(expanded, (chance, 1 - chance)))


def kept(loop: Loop) -> list[Any]:
    """Return P(m_t = 0) where no real row is ever dropped: all of them are 0.

    Then every model so far is 0, and so are all sampled rows; the other direction is clear.
    """
    family, plan = FAMILIES[loop.family], loop.plan
    assert plan.workflow in {"accumulate", "keep-real", "web"}
    assert family.partition.limit(THETA, -oo) == 0  # b = 0 without any other mass than that at 0
    zero = exp(-family.partition.subs(THETA, family.natural)).subs({A: loop.parameter})
    value = N(zero.subs(MEAN, loop.mean), DIGITS)
    generations = range(1, plan.generations + 1)
    real = [sum(p.rows for p in plan.parts(t) if p.source == TRUTH) for t in generations]
    return [value**rows for rows in real]
