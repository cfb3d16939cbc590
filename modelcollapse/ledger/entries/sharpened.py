"""What entries of the kind "sharpened" share: from where on a form for large n is good."""

from bisect import bisect_left
from collections.abc import Callable

CLOSE = 0.01  # how near to an exact value a form is called good


def rows_within(exact: Callable[[int], float], large: Callable[[int], float]) -> int:
    """Return the least n from which a form for large n, ever less wrong, is at most 1 % off."""

    def close(n: int) -> bool:
        return bool(abs(large(n) / exact(n) - 1) <= CLOSE)

    high = 2
    while not close(high):
        high *= 2
    return bisect_left(range(high), 1, lo=high // 2, key=close)
