"""What an experiment asks of its model: the door for families, also of other packages."""

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from modelcollapse.loop.experiment import Experiment, Lazy, Prediction, Request


R_co = TypeVar("R_co", covariant=True)  # what the model makes of a truth


class Model(Protocol[R_co]):
    """A family's model, before it is fitted.

    What it offers and an experiment or `simulate` may ask for it declares in class attributes:
    ``extra``, the names of the quantities that are recorded on request (default: none);
    ``no_test`` and ``no_temperature``, why there is no test set and no temperature, and what to do
    instead (default: "", there is); ``selects``, whether it has a theory of selection. If it has a
    method ``resolved()``, an experiment holds what that returns: a copy with checked parameters. A
    ``dim`` of None is there that of the truth.

    A package of its own can bring a family: `predict`, `simulate`, `verify`, `verify_experiment`
    and `diagnose` take its experiments. `modelcollapse.families.names.register` gives it a name
    for the command line's sweeps.
    """

    @property
    def dim(self) -> int:
        """The number of columns of a row."""
        ...

    def as_truth(self, value: Any) -> R_co:
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

    def theory(self, experiment: "Experiment") -> "Prediction":
        """Return what is known of a loop: what `modelcollapse.predict` returns.

        Here and in `simulation` is the place to import what takes long to import.
        """
        ...

    def simulation(self, experiment: "Experiment", request: "Request") -> "tuple[Lazy, int]":
        """Simulate a loop: the work of `modelcollapse.simulate`, which checked the request.

        Returns
        -------
        Lazy, int
            The named quantities, each of shape (finished, recorded generations), and how many of
            the replicates are finished.
        """
        ...


MEMBERS = ("dim", "as_truth", "check", "described", "theory", "simulation")


def unfitted(model: Any) -> Any:
    """Return a copy without what a fit has learned, which has names that end in "_"."""
    from copy import copy

    own = copy(model)
    for name in [name for name in getattr(own, "__dict__", {}) if name.endswith("_")]:
        object.__delattr__(own, name)
    return own
