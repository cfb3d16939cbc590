"""Numbers from a seed: independent of the hash seed, of NumPy and of the order of drawing."""

import random


class Dice:
    """Draws for one use, named by a key; only `random.random`, whose numbers Python guarantees."""

    def __init__(self, *key):
        self._unit = random.Random("/".join(map(str, key))).random  # noqa: S311

    def pick(self, *options):
        """Return one of the options."""
        return options[int(self._unit() * len(options))]

    def whole(self, low, high):
        """Return a whole number from low to high, both included."""
        return low + int(self._unit() * (high - low + 1))

    def wholes(self, count, low, high):
        """Return some whole numbers."""
        return [self.whole(low, high) for _ in range(count)]

    def real(self, low, high):
        """Return a number with two decimals, so that its text is short."""
        return round(low + self._unit() * (high - low), 2)

    def reals(self, count, low, high):
        """Return some numbers with two decimals."""
        return [self.real(low, high) for _ in range(count)]

    def chance(self, probability):
        """Return whether an event of the probability happens."""
        return self._unit() < probability
