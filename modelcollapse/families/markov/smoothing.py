"""To be taken from the discrete room."""

from typing import Any

from modelcollapse._support.checks import number


def checked_smoothing(value: Any) -> float:
    return number("smoothing", value, 0.0, 1e70, "give 0, or a number from 1e-70 to 1e70")
