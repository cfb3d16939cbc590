"""scikit-learn's conventions for the estimators of this package, without importing scikit-learn.

Parameters are kept as they are given and checked where they are used: by `fit`, and by an
experiment, whose own copy of the model holds them in their normal form (see `Estimator.resolved`).
What a fit learns has a name that ends in "_".
"""

import operator
import warnings
from collections.abc import Callable, Mapping
from functools import cache, wraps
from inspect import signature
from typing import Any, ClassVar, Concatenate, NamedTuple, ParamSpec, Self, TypeVar

import numpy as np
import numpy.typing as npt

from modelcollapse._support.checks import Floats, columns, require_fit, table
from modelcollapse._support.errors import InvalidInput, shown, unknown
from modelcollapse.loop.model import unfitted

E = TypeVar("E")
P = ParamSpec("P")
R = TypeVar("R")
MOST_NAMES = 5  # of columns in a message


def renamed(
    old: str, new: str
) -> Callable[[Callable[Concatenate[E, P], R]], Callable[Concatenate[E, P], R]]:
    """Let a method take a parameter under its old name too, with a DeprecationWarning."""

    def under_both(method: Callable[Concatenate[E, P], R]) -> Callable[Concatenate[E, P], R]:
        @wraps(method)
        def called(self: E, /, *args: P.args, **kwargs: P.kwargs) -> R:
            if old in kwargs:
                text = f"{method.__qualname__}({old}=...) is now {new}=..., as in scikit-learn"
                warnings.warn(text, DeprecationWarning, stacklevel=2)
                kwargs[new] = kwargs.pop(old)
            return method(self, *args, **kwargs)

        return called

    return under_both


class Estimator:
    """What every estimator of this package shares.

    Two are the same only if they are one object, as in scikit-learn; what one is says
    `described`.

    Attributes
    ----------
    n_features_in_
        The number of columns that it was fitted to.
    feature_names_in_
        Their names, where it was fitted to a data frame whose columns have texts as names.
    """

    family: ClassVar[str]
    label_columns: ClassVar[int] = 0  # the last columns of a row that are no features
    # Parameters that came after others had been described, at what leaves them out.
    later: ClassVar[Mapping[str, Any]] = {}
    n_features_in_: int
    feature_names_in_: npt.NDArray[Any]
    _own_: Self

    def checked(self) -> dict[str, Any]:
        """Return each parameter in its normal form, or raise InvalidInput for a wrong one."""
        raise NotImplementedError

    def resolved(self) -> Self:
        """Return an unfitted copy that holds its parameters in their normal form.

        Raises
        ------
        InvalidInput
            If one of them is wrong.
        """
        own: Self = unfitted(self)
        vars(own).pop("_kept", None)
        vars(own).update(self.checked())
        return own

    def settled(self) -> Self:
        """Return the same to be read only: the one of before while no parameter is another."""
        given = [getattr(self, name) for name in self._names()]
        kept = vars(self).get("_kept")
        if kept is not None and all(map(operator.is_, kept[0], given)):
            return kept[1]  # type: ignore[no-any-return]
        own = self.resolved()
        if all(type(value).__hash__ is not None for value in given):  # else it may change inside
            self._kept = given, own
        return own

    def __copy__(self) -> Self:
        own = object.__new__(type(self))
        vars(own).update(vars(self))
        return own

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_kept"}

    def described(self) -> dict[str, Any]:
        """Return the model as plain data; without a later parameter it is as it was before."""
        told = self.checked()
        kept = {k: v for k, v in told.items() if k not in self.later or v != self.later[k]}
        return {"model": self.family, **kept}

    @classmethod
    @cache
    def _names(cls) -> tuple[str, ...]:
        """Return the names of the parameters."""
        return tuple(signature(cls).parameters)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters by name, as they were given; `deep` changes nothing here."""
        del deep
        return {name: getattr(self, name) for name in self._names()}

    def set_params(self, **params: Any) -> Self:
        """Set parameters by name; `fit` checks them.

        Raises
        ------
        InvalidInput
            If there is no parameter of a name; then none is set.
        """
        known = self._names()
        for name in params:
            if name not in known:
                raise unknown(f"parameter of {type(self).__name__}", name, known)
        for name, value in params.items():
            setattr(self, name, value)
        return self

    def score(self, X: Any, y: Any = None) -> float:
        """Return the mean log-density of the rows of X in nats, as GaussianMixture does."""
        del y
        with np.errstate(over="ignore"):
            return float(self.score_samples(X).mean())

    def score_samples(self, X: Any) -> Floats:
        """Return the log-density of each row of X, shape (rows,)."""
        raise NotImplementedError

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import InputTags, Tags, TargetTags

        return Tags(
            estimator_type="density_estimator",
            target_tags=TargetTags(required=False),
            input_tags=InputTags(),
        )

    def __repr__(self) -> str:
        told = self.get_params()
        options = (f"{name}={shown(value)}" for name, value in told.items() if value is not None)
        return f"{type(self).__name__}({', '.join(options)})"

    def _training(self, X: Any, dim: int | None, minimum: int = 1) -> tuple[Floats, "Seen"]:
        """Return the rows of a fit, and what they say of the columns, to be learned with the fit.

        A row has `dim` features, or as many as there are if it is None.
        """
        found, labels = table("X", X, minimum)
        count = found.shape[1] - self.label_columns
        if dim is not None:
            columns(found, dim + self.label_columns, dim)
        elif count < 1:
            raise InvalidInput(
                f"X has {found.shape[1]} column: give the features and the label, or the label as y"
            )
        return found, Seen.of(count, labels)

    def _learn(self, seen: "Seen", own: Self, **learned: Any) -> Self:
        """Set what a fit has learned, all at once: a fit that fails leaves the one before.

        `own` is what was fitted: this estimator with its parameters in their normal form.
        """
        vars(self).pop("feature_names_in_", None)
        if seen.names is not None:
            self.feature_names_in_ = seen.names[: seen.features]
        vars(self).update(learned, n_features_in_=seen.features, _own_=own)
        return self

    def _given(self, X: Any, *labels: int) -> Floats:
        """Return rows for a fitted model: as many features as it was fitted to, named alike.

        After the features come so many columns of labels (any of the numbers; by default those of
        a training row).
        """
        require_fit(self, "n_features_in_")
        found, names = table("X", X)
        kind, more = type(self).__name__, labels or (self.label_columns,)
        if found.shape[1] - self.n_features_in_ not in more:
            wanted = self.n_features_in_ + more[0]
            one_row = " (Reshape your data if it is one row: X.reshape(1, -1))"
            raise InvalidInput(
                f"X has {found.shape[1]} features, but {kind} is expecting {wanted} features as "
                f"input: give the columns that it was fitted to{one_row * (found.shape[1] == 1)}"
            )
        self._check_names(text_labels(names))
        return found

    def _check_names(self, names: npt.NDArray[Any] | None) -> None:
        """Say where the names of columns are not those of the fit, as scikit-learn does."""
        kind, before = type(self).__name__, getattr(self, "feature_names_in_", None)
        if before is None and names is None:
            return
        if before is None or names is None:
            have, were = ("has", "without") if before is None else ("does not have valid", "with")
            text = f"X {have} feature names, but {kind} was fitted {were} feature names"
            warnings.warn(text, UserWarning, stacklevel=4)
            return
        given, known = names[: len(before)].tolist(), before.tolist()
        if given == known:
            return
        lines = ["The feature names should match those that were passed during fit."]
        unseen, gone = ([n for n in a if n not in b] for a, b in ((given, known), (known, given)))
        for title, found in (
            ("Feature names unseen at fit time:", unseen),
            ("Feature names seen at fit time, yet now missing:", gone),
        ):
            if found:
                lines += [title, *(f"- {name}" for name in sorted(found)[:MOST_NAMES])]
                lines += ["- ..."] * (len(found) > MOST_NAMES)
        if not unseen and not gone:
            lines.append("Feature names must be in the same order as they were in fit.")
        raise InvalidInput("\n".join(lines) + "\n")


class Seen(NamedTuple):
    """The columns of a fit: how many features there are, and the names of all, or None."""

    features: int
    names: npt.NDArray[Any] | None

    @classmethod
    def of(cls, features: int, labels: list[Any] | None) -> "Seen":
        """Return it from the labels of a data frame, which need not be texts."""
        return cls(features, text_labels(labels))


def text_labels(labels: list[Any] | None) -> npt.NDArray[Any] | None:
    """Return the labels of columns if they are texts; mixed ones are refused, as elsewhere."""
    if labels is None:
        return None
    kinds = {isinstance(label, str) for label in labels}
    if kinds == {True, False}:
        found = sorted({type(label).__name__ for label in labels})
        raise InvalidInput(
            "X: Feature names are only supported if all input features have string names, but "
            f"these are of types {', '.join(found)}: convert them with X.columns.astype(str)"
        )
    return np.array(labels, dtype=object) if kinds == {True} else None
