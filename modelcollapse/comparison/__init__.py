"""Rows against rows: has one data set shrunk compared with another, real one?

::

    tables     arrays, frames and texts as columns of numbers and words
    reading    files as such tables, and a random draw where there are too many rows
    chance     what relabelling the rows at random makes of a statistic: p-values, intervals
    numbers    spread by direction, tails, coverage, two-sample tests
    words      categories, and n-grams of texts
    sentences  the numbers in words
    drawing    the picture
    compare    the function, and the Comparison that it returns
"""

from modelcollapse.comparison.chance import Row
from modelcollapse.comparison.compare import Comparison, compare

__all__ = ["Comparison", "Row", "compare"]
