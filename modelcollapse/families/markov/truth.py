"""The truth of a language by counts: which word follows which, and when a text ends."""

from functools import cached_property
from typing import Any, Self

import numpy as np

from modelcollapse._support.checks import Floats, Integers, frozen, reals
from modelcollapse._support.errors import InvalidInput, invalid
from modelcollapse._support.memory import require
from modelcollapse.families.markov import chain, contexts
from modelcollapse.families.markov.texts import TextForm, padded, transitions
from modelcollapse.loop.truth import Law

LISTED = 100  # probabilities; more are known by their digest
ENDING = 0.1  # of the standard language
FIRST = 64  # words a text for which room is made at first


class Language(Law):
    """A Markov chain of words with an end: the next word depends on the last `order` ones.

    A text is a row of words 0, ..., K - 1, at least one. Outcome K is its end.

    Parameters
    ----------
    start
        The first word's probabilities, shape (K,).
    transitions
        The next word's and, last, the end's after one word, shape (K, K + 1); at order 2 also
        after two words, shape (K, K, K + 1), the older one first; and so on. The number of arrays
        is the order. Each row sums to 1 within 1e-9; that of a context that no text reaches may
        be zero.
    name
        What to call it in reports.

    Attributes
    ----------
    probabilities
        All rows in one table, shape (contexts, K + 1): the start's, those after one word, ...

    Raises
    ------
    InvalidInput
        If these are no such probabilities, or there are texts without an end.
    """

    dim = 1
    is_normal = False

    def __init__(self, start: Any, *transitions: Any, name: str | None = None) -> None:
        first = reals("start", start, "give one probability per word")
        if first.ndim != 1 or len(first) == 0:
            raise invalid("start", f"array of shape {first.shape}", "give one number per word")
        if not transitions:
            raise InvalidInput("transitions are missing: give the rows after each word, (K, K + 1)")
        K, rows = len(first), [np.append(first, 0.0)]
        for order, given in enumerate(transitions, 1):
            level = reals("transitions", given, "give arrays of probabilities")
            wanted = (*[K] * order, K + 1)
            if level.shape != wanted:
                what = f"array {order} of shape {level.shape}"
                raise invalid("transitions", what, f"{K} first words need the shape {wanted}")
            rows += list(level.reshape(-1, K + 1))
        arrays = (start, *transitions)
        done = all(isinstance(one, np.ndarray) and not one.flags.writeable for one in arrays)
        self.name = name
        self.probabilities = frozen(chain.checked(np.array(rows), done))
        chain.require_ends(self.probabilities, self.base)

    @classmethod
    def of_table(cls, table: Any, name: str | None = None) -> Self:
        """Return the language with these rows for all contexts, shape (contexts, K + 1)."""
        rows = reals("truth", table, "give one row of probabilities per context")
        if rows.ndim != 2 or rows.shape[1] < 2:
            raise invalid("truth", f"array of shape {rows.shape}", "give (contexts, words + 1)")
        if rows[0, -1] != 0:
            remedy = "a text has at least one word: at the start the end has probability 0"
            raise invalid("truth, at the start, the end", float(rows[0, -1]), remedy)
        return cls(rows[0, :-1], *_levels(rows), name=name)

    def __setattr__(self, key: str, value: Any) -> None:
        if key in vars(self):
            raise AttributeError(f"{key} of a Language cannot be changed: make another one")
        object.__setattr__(self, key, value)

    def __repr__(self) -> str:
        return f"Language(words={self.words}, order={self.order})"

    @property
    def words(self) -> int:
        """The number K of words."""
        return int(self.probabilities.shape[1]) - 1

    @cached_property
    def order(self) -> int:
        """The number of words that the next one depends on."""
        return contexts.order_of(len(self.probabilities), self.words)

    @property
    def start(self) -> Floats:
        """The first word's probabilities, shape (K,)."""
        return self.probabilities[0, : self.words]

    @cached_property
    def transitions(self) -> tuple[Floats, ...]:
        """The rows after one word, shape (K, K + 1), after two, shape (K, K, K + 1), ..."""
        return _levels(self.probabilities)

    @cached_property
    def base(self) -> Integers:
        """After context c and word w comes the context base[c] + w."""
        return contexts.bases(self.words, self.order)

    @cached_property
    def reached(self) -> Any:
        """Whether a text can come to each context, shape (contexts,)."""
        return chain.reached(self.probabilities, self.base)[0]

    @cached_property
    def visits(self) -> Floats:
        """How often a text is expected to be in each context, shape (contexts,): its transitions.

        The start's is 1, and their sum is the expected length and 1, for the end.
        """
        start = np.zeros(len(self.base))
        start[0] = 1.0
        return chain.solved(self.probabilities, self.base, start, forward=True)

    @property
    def length(self) -> float:
        """The expected number of words of a text."""
        return float(self.visits.sum()) - 1

    @cached_property
    def remaining(self) -> Floats:
        """The expected number of outcomes from each context on, the end counted too."""
        each = np.where(self.reached, 1.0, 0.0)
        return chain.solved(self.probabilities, self.base, each, forward=False)

    @cached_property
    def entropy(self) -> float:
        """The entropy of a text in nats: the least expected log-loss of a model."""
        p = self.probabilities
        return float(-self.visits @ (p * np.log(np.where(p > 0, p, 1.0))).sum(axis=1))

    @cached_property
    def possible(self) -> int:
        """The number of transitions that occur in texts."""
        return int(np.count_nonzero(self.probabilities[self.reached]))

    @property
    def parameters(self) -> int:
        """The free parameters of these: k of the law of many texts, `mc.solver.excess_loss`."""
        return self.possible - int(np.count_nonzero(self.reached))

    @cached_property
    def mean(self) -> Floats:
        """The expected length, shape (1,)."""
        return np.array([self.length])

    @cached_property
    def covariance(self) -> Floats:
        """The variance of the length, shape (1, 1)."""
        steps = self.length + 1
        return np.array([[max(0.0, 2 * float(self.visits @ self.remaining) - steps - steps**2)]])

    @property
    def form(self) -> TextForm:
        """The form of its rows."""
        return TextForm()

    def described(self) -> Any:
        """Return its rows, as lists where they are few; the standard language by name."""
        if np.array_equal(self.probabilities, standard(self.words, self.order).probabilities):
            return f"any of {self.words} words, and the end with {ENDING} after each"
        table = self.probabilities
        return table.tolist() if table.size <= LISTED else table

    def sample(self, n: int, rng: np.random.Generator) -> Integers:
        """Draw n texts, shape (n, longest), with -1 after the end of a text."""
        from modelcollapse._support.stream import drawn_from
        from modelcollapse.families.markov.kernels import spoken

        stream = drawn_from(rng)
        sums, last = np.cumsum(self.probabilities, axis=1), last_possible(self.probabilities)
        ends, state = np.zeros(n, dtype=np.int64), np.zeros(3, dtype=np.int64)
        flat = np.empty(max(FIRST, 2 * n), dtype=np.int64)
        while not spoken(stream, sums, last, self.base, flat, ends, state):
            require(32.0 * flat.size, f"n_samples = {n}: texts of {flat.size} words and more")
            flat = np.concatenate([flat, np.empty_like(flat)])
        longest = float(np.diff(ends, prepend=0).max())
        require(24.0 * n * longest, f"n_samples = {n}: texts of up to {longest:.0f} words")
        return padded(flat[: ends[-1]], ends)

    def log_probabilities(self, texts: Integers) -> Floats:
        """Return the log-probability of each text in nats, -inf if it is impossible."""
        context, outcome, row = transitions(texts, self.words, self.order)
        with np.errstate(divide="ignore"):
            logs = np.log(self.probabilities[context, outcome])
        return np.asarray(np.bincount(row, logs, len(texts)))

    def excess(self, fit: "Language") -> float:
        """Return the expected log-loss of another language on a text of this one, less the least.

        In nats per text: the Kullback-Leibler divergence; infinite if a transition is impossible
        there that occurs here.
        """
        from modelcollapse.families.markov.measures import excess

        if (fit.words, fit.order) != (self.words, self.order):
            raise invalid("fit", fit, f"give one of {self.words} words and of order {self.order}")
        return float(excess(self, fit.probabilities[None])[0])


def standard(words: int, order: int) -> Language:
    """Return the language whose words are all alike, with the end after a tenth of them."""
    rows = np.full((contexts.count(words, order), words + 1), (1 - ENDING) / words)
    rows[:, -1] = ENDING
    rows[0] = np.append(np.full(words, 1 / words), 0.0)
    return Language.of_table(rows, "standard")


def _levels(table: Floats) -> tuple[Floats, ...]:
    """Return the rows after one word, after two, ..., as views."""
    words, first, found = table.shape[1] - 1, 1, []
    for order in range(1, contexts.order_of(len(table), words) + 1):
        level = table[first : first + words**order]
        found.append(level.reshape(*[words] * order, words + 1))
        first += words**order
    return tuple(found)


def last_possible(p: Floats) -> Integers:
    """Return the last possible outcome of each row."""
    return np.asarray(p.shape[1] - 1 - np.argmax(p[:, ::-1] > 0, axis=1))
