"""Rows against rows: has one data set shrunk compared with another, real one?

::

    reading    files, arrays, frames and texts as tables; random halves
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
