"""What an experiment asks of its model: the door for families, also of other packages."""

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from modelcollapse.loop.experiment import Experiment


class Model(Protocol):
    """A family's model, before it is fitted.

    The family lives in two modules, found by `room` and imported when they are needed:

    - ``<room>.predict`` with ``predict(experiment) -> Prediction``;
    - ``<room>.simulate`` with ``simulate(experiment, request) -> (Lazy, finished)``, the named
      quantities, each of shape (finished, recorded generations), and how many of the replicates
      are finished; see `Request`.

    So a package of its own can bring a family, and `predict`, `simulate`, `verify`,
    `verify_experiment` and `diagnose` take its experiments. `modelcollapse.families.names.register`
    gives it a name for the command line's sweeps.
    """

    @property
    def room(self) -> str:
        """The package that holds the family's modules, such as ``"mine.cauchy"``."""
        ...

    @property
    def dim(self) -> int:
        """The number of columns of a row."""
        ...

    def as_truth(self, value: Any) -> Any:
        """Return the truth that a user's value stands for; None is the family's standard one."""
        ...

    def check(self, experiment: "Experiment") -> None:
        """Raise InvalidInput for an experiment that the family does not offer."""
        ...

    def described(self) -> dict[str, Any]:
        """Return all that its law depends on as plain data; "model" is the family's name.

        A parameter `generations` is given the number of generations, for schedules.
        """
        ...


MEMBERS = ("room", "dim", "as_truth", "check", "described")


def unfitted(model: Any) -> Any:
    """Return a copy without what a fit has learned, which has names that end in "_"."""
    from copy import copy

    own = copy(model)
    for name in [name for name in getattr(own, "__dict__", {}) if name.endswith("_")]:
        object.__delattr__(own, name)
    return own
