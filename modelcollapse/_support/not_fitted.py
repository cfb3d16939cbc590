"""The error of a model that is not fitted; importing it imports scikit-learn."""

from sklearn.exceptions import NotFittedError

from modelcollapse._support.errors import InvalidInput


class NotFitted(InvalidInput, NotFittedError):  # type: ignore[misc]  # noqa: N818 - says what it is
    """The model is not fitted yet."""
