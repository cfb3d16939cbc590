"""An estimator made of functions, for models that are no classes with `fit` and `sample`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

from modelcollapse._support.checks import generator, require_fit, row_count
from modelcollapse._support.errors import invalid


@dataclass(eq=False)
class FunctionEstimator:
    """An estimator for `run`, made of functions.

    Parameters
    ----------
    fit_func
        From the training rows (an array, or a data frame where the data is one) to what has been
        learned, anything.
    sample_func
        From what has been learned, a number n and a Generator of NumPy to n rows.
    log_density_func
        From what has been learned and rows to one log-density in nats per row, for a test set; or
        None.

    Attributes
    ----------
    fitted_
        What has been learned.

    Raises
    ------
    InvalidInput
        If one of them is no function.

    Examples
    --------
    >>> import numpy as np
    >>> import modelcollapse as mc
    >>> model = mc.FunctionEstimator(np.max, lambda top, n, rng: rng.uniform(0, top, (n, 1)))
    >>> rows, top = np.linspace(0, 1, 101), {"top": lambda model: model.fitted_}
    >>> run = mc.run(model, rows, mc.Replace(), 50, 9, metrics=top)
    >>> bool((np.diff(run["top"]) < 0).all())
    True
    """

    fit_func: Callable[[Any], Any]
    sample_func: Callable[[Any, int, Any], Any]
    log_density_func: Callable[[Any, Any], Any] | None = None

    def __post_init__(self) -> None:
        given = {"fit_func": self.fit_func, "sample_func": self.sample_func}
        if self.log_density_func is not None:
            given["log_density_func"] = self.log_density_func
        for name, value in given.items():
            if not callable(value):
                raise invalid(name, value, "give a function")

    def fit(self, X: Any, y: None = None) -> Self:
        """Learn from rows."""
        del y
        self.fitted_ = self.fit_func(X)
        return self

    def sample(self, n_samples: int = 1, random_state: Any = None) -> Any:
        """Return rows sampled from what has been learned."""
        require_fit(self, "fitted_")
        count = row_count("n_samples", n_samples)
        return self.sample_func(self.fitted_, count, generator(random_state))

    @property
    def score_samples(self) -> Callable[[Any], Any]:
        """The log-density of each row, if there is a function of it."""
        function = self.log_density_func
        if function is None:
            raise AttributeError("it has no log_density_func")

        def score_samples(X: Any) -> Any:
            require_fit(self, "fitted_")
            return function(self.fitted_, X)

        return score_samples
