"""What becomes of the symbols: expectations under the exact law of p_t."""

from collections.abc import Callable
from itertools import permutations
from math import prod
from typing import Any

import mpmath as mp
from sympy import QQ, Rational

from theory.discrete_loop import Loop, Model, laws

DIGITS = 40


def _expected(loop: Loop, value: Callable[[Model], Any]) -> list[Any]:
    zero = QQ(0)
    return [sum((chance * value(p) for p, chance in law.items()), zero) for law in laws(loop)]


def _sympy(values: list[Any]) -> list[Rational]:
    return [QQ.to_sympy(value) for value in values]


def diversity(model: Model) -> Any:
    """Return 1 - sum p_i^2, the chance that two draws differ."""
    return 1 - sum(p * p for p in model)


def error(loop: Loop) -> Callable[[Model], Any]:
    """Return |p - p_0|^2 over the variance of one draw as a unit vector, 1 - sum p_{0,i}^2."""
    origin = loop.origin
    scale = 1 / diversity(origin)
    return lambda model: scale * sum((a - b) ** 2 for a, b in zip(model, origin, strict=True))


def all_different(model: Model, draws: int) -> Any:
    """Return the chance that so many draws are all different: one ordered choice after another."""
    return sum((prod(chosen, start=QQ(1)) for chosen in permutations(model, draws)), QQ(0))


def lost(model: Model) -> Any:
    """Return the number of symbols of probability 0."""
    return QQ(sum(p == 0 for p in model))


def missing(model: Model, origin: Model) -> Any:
    """Return the true probability of the symbols of probability 0."""
    return sum((q for p, q in zip(model, origin, strict=True) if p == 0), QQ(0))


def some(model: Model) -> Any:
    """Return whether a symbol has no probability."""
    return QQ(int(0 in model))


def alone(model: Model) -> Any:
    """Return whether one symbol has all the probability."""
    return QQ(int(1 in model))


def _variance(loop: Loop, value: Callable[[Model], Any]) -> list[Rational]:
    means, squares = _expected(loop, value), _expected(loop, lambda model: value(model) ** 2)
    return _sympy([square - mean**2 for mean, square in zip(means, squares, strict=True)])


def heterozygosity(loop: Loop) -> list[Rational]:
    """Return E(1 - sum p_i^2)."""
    return _sympy(_expected(loop, diversity))


def three_different(loop: Loop) -> list[Rational]:
    """Return the expected chance that three draws all differ."""
    return _sympy(_expected(loop, lambda model: all_different(model, 3)))


def heterozygosity_variance(loop: Loop) -> list[Rational]:
    """Return its variance over replicates."""
    return _variance(loop, diversity)


def squared_error(loop: Loop) -> list[Rational]:
    """Return E|p_t - p_0|^2 / H_0."""
    return _sympy(_expected(loop, error(loop)))


def squared_error_variance(loop: Loop) -> list[Rational]:
    """Return its variance over replicates."""
    return _variance(loop, error(loop))


def inflation(loop: Loop) -> list[Rational]:
    """Return the squared error over that of the first fit, H_0/n_1."""
    return [loop.plan.sizes[0] * value for value in squared_error(loop)]


def inflation_variance(loop: Loop) -> list[Rational]:
    """Return its variance over replicates."""
    return [loop.plan.sizes[0] ** 2 * value for value in squared_error_variance(loop)]


def effective_samples(loop: Loop) -> list[Rational]:
    """Return how many real draws have this squared error."""
    return [1 / value for value in squared_error(loop)]


def mean(loop: Loop, symbol: int) -> list[Rational]:
    """Return E p_{t,i}."""
    return _sympy(_expected(loop, lambda model: model[symbol]))


def absent(loop: Loop) -> list[Rational]:
    """Return the expected number of absent symbols."""
    return _sympy(_expected(loop, lost))


def absent_variance(loop: Loop) -> list[Rational]:
    """Return its variance over replicates."""
    return _variance(loop, lost)


def missing_mass(loop: Loop) -> list[Rational]:
    """Return the expected true probability of the absent symbols."""
    return _sympy(_expected(loop, lambda model: missing(model, loop.origin)))


def missing_mass_variance(loop: Loop) -> list[Rational]:
    """Return its variance over replicates."""
    return _variance(loop, lambda model: missing(model, loop.origin))


def collapsed(loop: Loop) -> list[Rational]:
    """Return the chance that one symbol is left."""
    return _sympy(_expected(loop, alone))


def collapsed_variance(loop: Loop) -> list[Rational]:
    """Return the variance of that event's indicator."""
    return _variance(loop, alone)


def any_absent(loop: Loop) -> list[Rational]:
    """Return the chance that some symbol is absent."""
    return _sympy(_expected(loop, some))


def any_absent_variance(loop: Loop) -> list[Rational]:
    """Return the variance of that event's indicator."""
    return _variance(loop, some)


def entropy(loop: Loop) -> list[mp.mpf]:
    """Return E of -sum p_i log p_i, in nats."""

    def real(value: Any) -> mp.mpf:
        return mp.mpf(int(value.numerator)) / int(value.denominator)

    with mp.workdps(DIGITS):
        return [
            mp.fsum(
                -real(chance * p) * mp.log(real(p)) for m, chance in law.items() for p in m if p
            )
            for law in laws(loop)
        ]
