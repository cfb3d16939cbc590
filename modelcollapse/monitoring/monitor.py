"""A monitor of a loop: it takes losses or rows of each generation, and raises an alarm."""

import math
import os
from collections.abc import Callable
from typing import Any, Literal, get_args

import numpy as np

from modelcollapse._support import html
from modelcollapse._support.checks import (
    Floats,
    as_path,
    fraction,
    frozen,
    named,
    number,
    truth_value,
    whole,
)
from modelcollapse._support.errors import invalid, missing
from modelcollapse._support.frames import frame
from modelcollapse.evidence.betting import (
    FRACTIONS,
    log_sum,
    log_wealths,
    lower_bound,
    weight,
)
from modelcollapse.monitoring import saving
from modelcollapse.monitoring.given import limits, values
from modelcollapse.monitoring.saving import HISTORY, State
from modelcollapse.monitoring.status import MonitorStatus

Kind = Literal["loss", "rows"]
GIVEN = {"loss": "losses", "rows": "rows"}  # what an update takes, by kind
MOMENTS = ("train_end", "evaluate", "epoch_end")


class Monitor:
    """Watch a loop of your own, and raise an alarm that is valid at every look.

    The null hypothesis of kind "loss" is that E[loss_t(x)] <= E[loss_1(x)] + margin at every
    generation t so far, for a new row x of the truth and losses clipped to `range`, given the
    models; of kind "rows", that E[s(z_t)] >= E[s(z_1)] - margin, for a row z_t that model t samples
    and a statistic s. If it stays true for ever, there is an alarm with probability at most alpha,
    whenever one looks or stops. The derivation is in `modelcollapse.monitoring`.

    Parameters
    ----------
    kind
        "loss": updates take the losses of independent held-out rows of the truth, that no model is
        trained on. "rows": they take independent rows sampled from the model for the monitor; no
        model is trained on those of the first generation.
    margin
        What a generation may lose, at least 0 and below the width of `range`, in the unit of the
        losses or of the statistic. Choose it before looking.
    range
        (low, high). Losses are clipped to it; a statistic outside is an error.
    fresh
        False: the first update is the reference, and its rows serve at every generation (the same
        held-out rows, in the same order; for "rows", the same number of them). The loop may stop by
        the monitor, and must depend on it in no other way. True: every update brings independent
        rows that are new, and model 1's values for it as `reference`; the loop may react in any
        way. The more comparisons, the larger the advantage of fresh rows.
    alpha
        The probability of a false alarm, strictly between 0 and 1.
    statistic
        For "rows": a function of the rows that gives one number for each, or for each of some
        independent groups of them (such as the share of modes that a group has). None: the rows
        are these numbers.

    Raises
    ------
    InvalidInput
        If an argument is not valid.

    Examples
    --------
    >>> import numpy as np
    >>> import modelcollapse as mc
    >>> monitor = mc.Monitor("loss", margin=0.1, range=(0, 5), fresh=False)
    >>> held_out = np.linspace(1, 2, 100)
    >>> for t in range(1, 10):
    ...     if monitor.update(t, losses=held_out + 0.2 * t).alarmed:
    ...         break
    >>> t
    4
    """

    def __init__(
        self,
        kind: Kind,
        *,
        margin: float,
        range: tuple[float, float],  # noqa: A002 - the field's word
        fresh: bool,
        alpha: float = 0.05,
        statistic: Callable[[Any], Any] | None = None,
    ) -> None:
        self.kind: Kind = named("kind", kind, get_args(Kind))  # type: ignore[assignment]
        self.range = limits(range)
        self.width = self.range[1] - self.range[0]
        below = math.nextafter(self.width, 0.0)
        remedy = f"give a number from 0 to below {self.width:g}, the width of the range"
        self.margin = number("margin", margin, 0.0, below, remedy)
        self.fresh = truth_value("fresh", fresh)
        self.alpha = fraction("alpha", alpha)
        if statistic is not None and (kind == "loss" or not callable(statistic)):
            raise invalid("statistic", statistic, 'give a function, and only with kind="rows"')
        self.statistic = statistic
        self._state = State(np.full(len(FRACTIONS), -np.inf))

    def update(
        self, generation: int, *, losses: Any = None, rows: Any = None, reference: Any = None
    ) -> MonitorStatus:
        """Take one generation, and say what follows; an update that fails changes nothing.

        Parameters
        ----------
        generation
            A whole number, larger than at the last update. With ``fresh=False`` the first one is
            what the others are compared with.
        losses
            Of kind "loss": model t's loss of each held-out row, shape (n,). Infinite ones are
            clipped.
        rows
            Of kind "rows": rows sampled from model t, or their statistics, shape (n,), where the
            monitor has no `statistic`.
        reference
            With ``fresh=True``: model 1's losses of the same held-out rows, or as many new rows
            sampled from model 1.

        Raises
        ------
        InvalidInput
            If the generation is no later one, there is another number of rows, or a value is NaN
            or out of range.
        """
        t, kept = self._later(generation), self._state.reference
        given = {"losses": losses, "rows": rows}
        own = given.pop(name := GIVEN[self.kind])
        for other, value in given.items():
            if value is not None:
                raise invalid(other, value, f"a monitor of kind {self.kind!r} takes {name}=")
        if self.fresh and reference is None:
            raise invalid("reference", None, "give model 1's values: with fresh=True they are new")
        if not self.fresh and reference is not None:
            raise invalid("reference", reference, "leave it out, or make the monitor fresh=True")
        found = self._values(name, own)
        first = self._values("reference", reference) if self.fresh else kept
        if first is None:
            return self._begin(t, found)
        if first.shape != found.shape:
            remedy = f"{name} and what they are compared with ({len(first)}) go in pairs"
            raise invalid(f"the number of {name}", len(found), remedy)
        return self._compare(t, found - first if self.kind == "loss" else first - found)

    def _later(self, generation: Any) -> int:
        t, history = whole("generation", generation, 0), self._state.history
        if history and t <= history[-1][0]:
            raise invalid("generation", generation, f"give one after the last, {history[-1][0]}")
        return t

    def _values(self, name: str, given: Any) -> Floats:
        return values(name, given, self.kind, self.range, self.statistic)

    def _begin(self, t: int, first: Floats) -> MonitorStatus:
        row = (t, len(first), 0.0, 0.0, 0.0, 1.0, False)
        self._state = State(self._state.log_bets, 0, frozen(first), (row,))
        return self._status()

    def _compare(self, t: int, differences: Floats) -> MonitorStatus:
        old, n = self._state, len(differences)
        k, need = old.comparisons + 1, -math.log(self.alpha)
        start = math.log(weight(k) / len(FRACTIONS))
        idle = math.log(1 / (k + 1)) if self.fresh else -math.inf  # what is not yet bet

        def held(gained: Floats) -> Floats:
            """Return what the players hold after gains: all of them, or those who start now."""
            if self.fresh:
                return np.asarray(np.logaddexp(old.log_bets, start) + gained)
            return np.asarray(np.logaddexp(old.log_bets, start + gained))

        bets = held(log_wealths(differences, self.width, self.margin))
        best = held(n * log_wealths(np.array([self.width]), self.width, self.margin))
        log_e = log_sum(np.append(bets, idle))
        able = log_sum(np.append(best, idle)) >= need
        p = min(old.p_value, math.exp(min(-log_e, 0.0)))
        lower = lower_bound(differences, self.width, need - math.log(weight(k)))
        row = (t, n, float(differences.mean()), lower, log_e, p, able)
        alarmed = t if log_e >= need and old.alarmed_at is None else old.alarmed_at
        self._state = State(bets, k, old.reference, (*old.history, row), alarmed)
        return self._status()

    def _status(self) -> MonitorStatus:
        state, own = self._state, (self.margin, self.alpha)
        first = None if self.fresh else state.history[0][0]
        row = dict(zip(HISTORY, state.history[-1], strict=True))
        return MonitorStatus(self.kind, first, *own, alarmed_at=state.alarmed_at, **row)

    @property
    def status(self) -> MonitorStatus | None:
        """What the last update returned, or None before the first."""
        return self._status() if self._state.history else None

    @property
    def alarmed(self) -> bool:
        """Whether there has been an alarm."""
        return self._state.alarmed_at is not None

    @property
    def history(self) -> dict[str, list[Any]]:
        """The updates as columns of equal length, named as in `MonitorStatus`."""
        rows = self._state.history
        return {name: [row[i] for row in rows] for i, name in enumerate(HISTORY)}

    def to_frame(self, library: str = "polars") -> Any:
        """Return the history as a data frame of "polars", "pandas" or "pyarrow".

        Raises
        ------
        MissingDependency
            If the library is not installed.
        """
        return frame(self.history, library)

    def stop_rule(self, measure: Callable[[Any], Any]) -> Callable[[Any, int], bool]:
        """Return a function of a model and its generation that says whether to stop.

        It updates the monitor, and is a metric of `modelcollapse.run` as well: 1 after an alarm.

        Parameters
        ----------
        measure
            A function of the model that returns the losses or rows of an update; with
            ``fresh=True`` a pair of them and the reference.
        """
        if not callable(measure):
            raise invalid("measure", measure, "give a function of the model")

        def stop(model: Any, generation: int) -> bool:
            return self._measured(generation, measure(model)).alarmed

        return stop

    def callback(
        self, measure: Callable[[Any], Any], *, at: str = "train_end", stop: bool = True
    ) -> Any:
        """Return a TrainerCallback of transformers that updates the monitor.

        Parameters
        ----------
        measure
            As in `stop_rule`, of the Trainer's model as it is: with dropout, it calls
            ``model.eval()`` first.
        at
            When a generation ends: "train_end", for a Trainer for each generation, all with this
            callback; "evaluate" or "epoch_end", for one Trainer that goes through all of them.
        stop
            Whether an alarm stops a Trainer that is still training.

        Raises
        ------
        MissingDependency
            If transformers is not installed.
        """
        named("at", at, MOMENTS)
        truth_value("stop", stop)
        rule = self.stop_rule(measure)
        try:
            from modelcollapse.monitoring.trainer import MonitorCallback
        except ImportError as error:
            raise missing("transformers", "language", "Monitor.callback") from error

        def finished(model: Any) -> bool:
            history = self._state.history
            return rule(model, history[-1][0] + 1 if history else 1)

        return MonitorCallback(finished, at, stop=stop)

    def _measured(self, generation: int, found: Any) -> MonitorStatus:
        name = GIVEN[self.kind]
        if not self.fresh:
            return self.update(generation, **{name: found})
        if not isinstance(found, tuple) or len(found) != 2:
            remedy = f"with fresh=True it returns a tuple of two: the {name} and the reference"
            raise invalid("measure(model)", found, remedy)
        return self.update(generation, **{name: found[0], "reference": found[1]})

    def settings(self) -> dict[str, Any]:
        """Return what the monitor was made with, as plain data."""
        function = self.statistic
        name = (
            None if function is None else getattr(function, "__qualname__", type(function).__name__)
        )
        return {
            "kind": self.kind,
            "margin": self.margin,
            "range": list(self.range),
            "fresh": self.fresh,
            "alpha": self.alpha,
            "statistic": name,
        }

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the monitor to a file, whole or not at all.

        A `statistic` is written as its name alone.

        Raises
        ------
        InvalidInput
            If the file cannot be written.
        """
        saving.write(as_path("path", path), self.settings(), self._state)

    def resume(self, path: str | os.PathLike[str]) -> None:
        """Take the state that a monitor with the same settings has saved, in place of its own.

        Raises
        ------
        InvalidInput
            If the file is missing or damaged, or is of a monitor with other settings.
        """
        self._state = saving.read(as_path("path", path), self.settings())

    @classmethod
    def load(
        cls, path: str | os.PathLike[str], *, statistic: Callable[[Any], Any] | None = None
    ) -> "Monitor":
        """Return the monitor that was saved.

        Parameters
        ----------
        path
            The file.
        statistic
            The function that the monitor had.

        Raises
        ------
        InvalidInput
            If the file is missing or damaged, or the statistic has another name.
        """
        settings = saving.settings(as_path("path", path))
        monitor = cls(**{**settings, "statistic": statistic})
        monitor.resume(path)
        return monitor

    def __repr__(self) -> str:
        told = ", ".join(f"{name}={value!r}" for name, value in self.settings().items())
        return f"Monitor({told}; {self.status or 'no update yet'})"

    def _repr_html_(self) -> str:
        return html.table(str(self.status or "no update yet"), self.history)
