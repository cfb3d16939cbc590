"""The estimator of language by counts: which word follows the last ones, and when a text ends."""

from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np

from modelcollapse._support.checks import (
    Floats,
    Integers,
    generator,
    one_of,
    require_fit,
    row_count,
    shares,
    table,
    whole,
)
from modelcollapse._support.errors import InvalidInput
from modelcollapse.families.discrete.estimator import added_count
from modelcollapse.families.markov import contexts, texts
from modelcollapse.families.markov.truth import Language, standard
from modelcollapse.loop.convention import Estimator, renamed, text_labels

if TYPE_CHECKING:
    from modelcollapse.loop.experiment import Experiment, Lazy, Prediction, Request


class Markov(Estimator):
    r"""A language model by counts (an n-gram model) of texts with an end.

    A text is a row of at least one word 0, ..., K - 1, with -1 after its end. The next word, or the
    end (outcome K), depends on the last `order` words, or on all where there are fewer. Of N
    transitions from a context, c_j of them to outcome j, the fit is
    q_j = (c_j + smoothing)/(N + M smoothing) with M = K + 1 outcomes, M = K at the start; without
    smoothing it is by maximum likelihood. Then a context that was never seen has no fit, and zeros
    in its place: the fit's own texts never come there.

    The truth of an experiment is None (all words alike, the end with the chance 1/10 after each),
    a `modelcollapse.markov.Language`, or its table of probabilities, shape (contexts, K + 1). Sizes
    of batches count texts.

    Parameters
    ----------
    words
        The number K of words, at least 1.
    order
        The number of words that the next one depends on, at least 1.
    smoothing
        The count added to each outcome of each context: 0, or a number from 1e-70 to 1e70.
    contexts
        "random": a batch is of so many texts, and how often it comes to each context is random;
        "fixed": it has the expected number of transitions from each context, rounded, so that each
        context is a discrete loop of its own. `run` always draws texts.

    Attributes
    ----------
    probabilities_
        Fitted probabilities, shape (contexts, K + 1): the start's, those after one word, ...
    language_
        The same as a `Language`, which has the expected length of its texts.

    Examples
    --------
    >>> import modelcollapse as mc
    >>> model = mc.Markov(words=2).fit([[0, 1, -1], [0, 0, 1]])
    >>> print(model.probabilities_.round(2))
    [[1.   0.   0.  ]
     [0.33 0.67 0.  ]
     [0.   0.   1.  ]]
    """

    family = "markov"
    dim = 1
    probabilities_: Floats
    no_test: ClassVar = "the excess is computed exactly, without a test set: leave test out"
    no_temperature: ClassVar = "it belongs to gaussian; leave it at 1.0 here"

    def __init__(
        self,
        words: int,
        order: int = 1,
        smoothing: float = 0.0,
        contexts: Literal["random", "fixed"] = "random",
    ) -> None:
        self.words = words
        self.order = order
        self.smoothing = smoothing
        self.contexts = contexts

    def checked(self) -> dict[str, Any]:
        """Return the parameters, or raise InvalidInput for a wrong one."""
        words, order = whole("words", self.words), whole("order", self.order)
        contexts.count(words, order)
        return {
            "words": words,
            "order": order,
            "smoothing": added_count(self.smoothing),
            "contexts": one_of("contexts", self.contexts, ("random", "fixed")),
        }

    def as_truth(self, value: Any) -> Language:
        """Return a language of these words and this order; None is the standard one.

        Raises
        ------
        InvalidInput
            If it is of another size, or has one text only.
        """
        if value is None:
            return standard(self.words, self.order)
        found = value if isinstance(value, Language) else Language.of_table(value)
        if (found.words, found.order) != (self.words, self.order):
            raise InvalidInput(
                f"truth has {found.words} words and order {found.order}, and the model has words = "
                f"{self.words} and order = {self.order}: make them equal"
            )
        if found.parameters == 0:
            raise InvalidInput(
                "truth has one text only, of which nothing can be lost: give some context two "
                "outcomes"
            )
        return found

    def check(self, experiment: "Experiment") -> None:
        """Raise InvalidInput if the loop and the model do not fit together."""
        if self.contexts == "fixed":
            from modelcollapse.families.markov.fixed import check

            check(experiment)

    def theory(self, experiment: "Experiment") -> "Prediction":
        """Return what is known of a loop: what `modelcollapse.predict` returns."""
        from modelcollapse.families.markov.predict import predict

        return predict(experiment)

    def simulation(self, experiment: "Experiment", request: "Request") -> "tuple[Lazy, int]":
        """Simulate a loop: what `modelcollapse.simulate` asks for."""
        from modelcollapse.families.markov.simulate import simulate

        return simulate(experiment, request)

    def fit(self, X: Any, y: None = None, sample_weight: Any = None) -> Self:
        """Fit to texts.

        Parameters
        ----------
        X
            Shape (texts, columns): the words of a text, and -1 after its end. A text that fills its
            row ends there; one that was cut off has no end, and is not for this model.
        y
            Nothing.
        sample_weight
            One non-negative weight per text, or None; scaled to a mean of one over the texts of
            positive weight.

        Raises
        ------
        InvalidInput
            If an entry is no word, a text is empty, or there is padding before a word.
        """
        del y
        own = self.settled()
        rows, seen = self._training(X, None)
        X = texts.of_numbers("X", rows, own.words)
        weights = shares(sample_weight, len(X))
        context, outcome, row = texts.transitions(X, own.words, own.order)
        shape = contexts.count(own.words, own.order), own.words + 1
        flat = np.bincount(context * shape[1] + outcome, weights[row], shape[0] * shape[1])
        counts = np.asarray(np.count_nonzero(weights) * flat.reshape(shape), dtype=np.float64)
        fitted = fits(counts, own.smoothing)
        return self._learn(seen, own, probabilities_=fitted)

    @property
    def language_(self) -> Language:
        """The fit as a language."""
        require_fit(self, "probabilities_")
        return Language.of_table(self.probabilities_)

    @renamed("n", "n_samples")
    def sample(self, n_samples: int = 1, random_state: Any = None) -> Integers:
        """Draw texts from the fit.

        Parameters
        ----------
        n_samples
            The number of texts.
        random_state
            None, an integer, or a Generator or RandomState of NumPy.

        Returns
        -------
        Integers
            Shape (n_samples, longest), with -1 after the end of a text.
        """
        rng, n = generator(random_state), row_count("n_samples", n_samples)
        return self.language_.sample(n, rng)

    def score_samples(self, X: Any) -> Floats:
        """Return the log-probability of each text in nats, shape (N,); -inf if it is lost."""
        found = texts.of_numbers("X", self._given(X), self.probabilities_.shape[1] - 1)
        return self.language_.log_probabilities(found)

    def _given(self, X: Any, *labels: int) -> Floats:
        """Return texts for a fitted model: they may be longer or shorter than those of the fit."""
        del labels
        require_fit(self, "n_features_in_")
        found, names = table("X", X)
        self._check_names(text_labels(names))
        return found


def fits(counts: Floats, smoothing: float) -> Floats:
    """Return the fits to counts, contexts and outcomes last; zeros where there is none."""
    words = counts.shape[-1] - 1
    added = np.full(counts.shape[-2:], smoothing)
    added[0, words] = 0.0  # no text is empty
    found = counts + added
    total = found.sum(axis=-1, keepdims=True)
    return np.asarray(np.divide(found, total, out=np.zeros_like(found), where=total > 0))
