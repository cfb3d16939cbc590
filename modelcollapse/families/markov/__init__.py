"""The Markov room: language by counts, an n-gram model whose texts have an end.

contexts     which rows the tables have
texts        texts as rows of numbers; Texts, real ones for `run`
chain        where texts come and end, and how often they visit a context
truth        Language, the real probabilities
estimator    Markov, relative frequencies in each context
measures     what a fit loses
fixed        as many transitions of each context in every batch: discrete loops
used         which transitions a text has, and what n texts lack
fates, predict  what becomes of a loop, and which quantity has which route
kernels, runs, simulate   the exact simulator
"""

from modelcollapse.families.markov.estimator import Markov
from modelcollapse.families.markov.texts import Texts
from modelcollapse.families.markov.truth import Language

__all__ = ["Language", "Markov", "Texts"]
