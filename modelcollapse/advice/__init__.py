"""Advice on a loop in people's words: what a workflow costs, and how much real data it needs.

::

    question   what is asked, checked
    plans      every workflow's error by generation, in units of the real rows' own
    needs      the fewest fresh rows, weights and training rows for a wanted quality
    sentences  the numbers in words
    drawing    the picture
    advise     the function, and the Advice that it returns
"""

from modelcollapse.advice.advise import Advice, advise

__all__ = ["Advice", "advise"]
