"""How long and how varied texts are: words, distinct n-grams and their entropy."""

import math
from collections import Counter
from collections.abc import Sequence

ORDERS = (1, 2, 3)
MOST_ROWS = 1000  # both measures depend on the number of texts, so it is the same everywhere


def diversity(texts: Sequence[str]) -> dict[str, float]:
    """Return how varied texts are.

    Parameters
    ----------
    texts
        The first 1,000 are used: both measures depend on their number.

    Returns
    -------
    dict
        "words", their mean number in a text. For n = 1, 2, 3: "distinct_n", the number of
        different n-grams of words over the number of n-grams (Li et al., arXiv 1510.03055), and
        "entropy_n", the entropy of their empirical distribution in nats. NaN if there is no n-gram.
        Words are what white space separates, and no n-gram crosses from one text to the next.
    """
    words = [text.split() for text in texts[:MOST_ROWS]]
    result = {"words": sum(map(len, words)) / len(words) if words else math.nan}
    for n in ORDERS:
        counts = Counter(
            gram for w in words for gram in zip(*(w[i:] for i in range(n)), strict=False)
        )
        total = counts.total()
        result[f"distinct_{n}"] = len(counts) / total if total else math.nan
        result[f"entropy_{n}"] = _entropy(list(counts.values()), total)
    return result


def _entropy(counts: Sequence[int], total: int) -> float:
    if not total:
        return math.nan
    return -math.fsum(c / total * math.log(c / total) for c in counts)
