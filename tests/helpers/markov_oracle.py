"""The slow oracle of language by counts: an n-gram model of dictionaries in the plain loop."""

from bisect import bisect_right
from collections import Counter, defaultdict
from itertools import accumulate
from math import inf, log

import numpy as np

from tests.helpers.plain_loops import plain_loops

PAD = -1


class Plain:
    """An n-gram model with dictionaries, smoothed over all outcomes."""

    def __init__(self, words, order=1, smoothing=0.0):
        self.words, self.order, self.smoothing = words, order, smoothing

    def fit(self, X, sample_weight=None):
        """Count what follows each context, as far back as the order goes."""
        weights = np.ones(len(X)) if sample_weight is None else np.asarray(sample_weight)
        weights = weights / weights[weights > 0].mean()
        self.counts, self.rows = defaultdict(Counter), {}
        self.texts = [tuple(int(w) for w in row if w != PAD) for row in X]
        for text, weight in zip(self.texts, weights, strict=True):
            for i, outcome in enumerate([*text, "end"]):
                self.counts[text[max(0, i - self.order) : i]][outcome] += float(weight)
        self.length = float(np.average([len(text) for text in self.texts], weights=weights))
        return self

    def row(self, context):
        """Return the probability of each outcome, or None in a context that was never seen."""
        if context not in self.rows:
            outcomes = [*range(self.words), *(["end"] if context else [])]
            counts = [self.counts[context][o] + self.smoothing for o in outcomes]
            total = sum(counts)
            shares = [count / total for count in counts] if total else []
            self.rows[context] = dict(zip(outcomes, shares, strict=True)) if total else None
        return self.rows[context]

    def sample(self, n, random_state=None):
        """Draw texts word by word: each outcome by where a uniform number falls."""
        rng, texts, ends = np.random.default_rng(random_state), [], {}
        for _ in range(n):
            text = ()
            while True:
                context = text[max(0, len(text) - self.order) :]
                if context not in ends:
                    row = self.row(context)
                    ends[context] = list(row), list(accumulate(row.values()))
                outcomes, upper = ends[context]
                # Beyond the last of them, which rounding may leave below 1, nothing falls.
                outcome = outcomes[bisect_right(upper, upper[-1] * rng.random())]
                if outcome == "end":
                    break
                text = (*text, outcome)
            texts.append(text)
        longest = max(map(len, texts))
        return np.array([[*text, *[PAD] * (longest - len(text))] for text in texts])


def metrics(truth):
    """Return what the plain loop measures of a fit, context by context."""
    contexts = {}
    number = {(): 0}
    place = 0
    for order in range(1, truth.order + 1):
        for digits in np.ndindex(*[truth.words] * order):
            place += 1
            number[tuple(digits)] = place
    for context, c in number.items():
        if truth.visits[c] > 0:
            names = [*range(truth.words), "end"]
            row = dict(zip(names, truth.probabilities[c].tolist(), strict=True))
            if not context:
                del row["end"]
            contexts[context] = float(truth.visits[c]), row
    total = sum(visits for visits, _ in contexts.values())
    differ = sum(v * (1 - sum(p * p for p in row.values())) for v, row in contexts.values())

    def each(model):
        for context, (visits, row) in contexts.items():
            fit = model.row(context) or dict.fromkeys(row, 0.0)
            for outcome, p in row.items():
                yield visits, p, float(fit[outcome])

    def excess(model):
        if any(q == 0 < p for _, p, q in each(model)):
            return inf
        return sum(visits * p * log(p / q) for visits, p, q in each(model) if p > 0)

    return {
        "excess": excess,
        "absent": lambda model: sum(q == 0 < p for _, p, q in each(model)),
        "missing_mass": lambda model: sum(v * p for v, p, q in each(model) if q == 0) / total,
        "distance": lambda model: sum(v * (p - q) ** 2 for v, p, q in each(model)) / differ,
        "collapsed": lambda model: float(
            model.smoothing == 0
            and all(sum(c > 0 for c in own.values()) <= 1 for own in model.counts.values())
        ),
        "length": lambda model: model.length,
    }


def loops(truth, workflow, sizes, runs, seed, smoothing=0.0):
    """Run the plain loop with the plain model."""
    model = Plain(truth.words, truth.order, smoothing)
    return plain_loops(model, truth, workflow, sizes, 3, runs, seed, metrics=metrics(truth))
