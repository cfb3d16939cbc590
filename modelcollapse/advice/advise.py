"""The function, and what it returns."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Any

from modelcollapse._support import html
from modelcollapse._support.checks import Samples
from modelcollapse._support.strict_json import plain
from modelcollapse.advice.needs import Need, needs
from modelcollapse.advice.plans import Plan, Split, plans, split
from modelcollapse.advice.question import Question, asked
from modelcollapse.advice.sentences import EXACT, long_run, must_keep, ratio, rows, sentences


@dataclass(frozen=True, eq=False)
class Advice:
    """What `advise` finds; printed, it is its sentences.

    Attributes
    ----------
    question
        What was asked.
    plans
        Every workflow: title, error by generation over that of the real rows alone, fate, limit.
    needs
        The least that is enough for the wanted quality, for each way to it.
    split
        The training rows of the random parts, and as many split best; None if all rows are used.
    sentences
        The advice in words; the last one says of which families the numbers are exact.
    """

    question: Question = field(repr=False)
    plans: tuple[Plan, ...] = field(repr=False)
    needs: tuple[Need, ...] = field(repr=False)
    split: Split | None = field(repr=False)
    sentences: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join(self.sentences)

    def _repr_html_(self) -> str:
        told = "".join(f"<p>{escape(sentence)}</p>" for sentence in self.sentences)
        return told + html.table(f"After {self.question.generations} generations", self.columns())

    @property
    def keep_real(self) -> bool:
        """Whether the wanted quality needs the first real rows."""
        return must_keep(self.question, self.plans)

    def columns(self) -> Mapping[str, list[str]]:
        """Return the table of the workflows, column by column, as text."""
        n, gap = self.question.real, self.question.gap
        found = {
            "workflow": [plan.workflow for plan in self.plans],
            "trains on": [plan.title for plan in self.plans],
            "keeps the real rows": ["yes" if plan.keeps else "no" for plan in self.plans],
            "relative error": [ratio(plan.last) for plan in self.plans],
            "effective rows": [rows(n / plan.last) for plan in self.plans],
            "in the long run": [long_run(plan) for plan in self.plans],
        }
        if gap is not None:
            found["gap"] = [ratio(gap * plan.last) for plan in self.plans]
        return found

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain data, as JSON has it."""
        gap = self.question.gap
        told = [
            {
                "workflow": plan.workflow,
                "trains_on": plan.title,
                "keeps_real": plan.keeps,
                "relative_error": plan.last,
                "effective_rows": self.question.real / plan.last,
                "fate": plan.fate,
                "limit": plan.limit,
                "rate": plan.rate,
                "gap": None if gap is None else gap * plan.last,
                "relative_errors": plan.errors,
            }
            for plan in self.plans
        ]
        found: dict[str, Any] = plain(
            {
                "question": self.question.to_dict(),
                "keep_real": self.keep_real,
                "workflows": told,
                "needs": [need._asdict() for need in self.needs],
                "split": None if self.split is None else self.split._asdict(),
                "sentences": self.sentences,
                "exact": EXACT,
            }
        )
        return found

    def plot(self, ax: Any = None) -> Any:
        """Draw the error of every workflow by generation.

        Parameters
        ----------
        ax
            The matplotlib Axes to draw into, which are returned; None makes new ones.

        Raises
        ------
        MissingDependency
            If matplotlib is not installed.
        """
        from modelcollapse.advice.drawing import draw

        return draw(ax, self.plans, self.question.real)

    def save(self, figure: Any) -> None:
        """Write that picture to a .png, .pdf or .svg file."""
        from modelcollapse._support.drawing import picture_path
        from modelcollapse.advice.drawing import save

        save(picture_path(figure), self.plans, self.question.real)


def advise(
    real: int,
    synthetic: Samples,
    generations: int | None = None,
    *,
    fresh_real: Samples = 0,
    keep_real: bool | float | None = None,
    budget: Samples | None = None,
    at_most: float = 1.0,
    first_generation_gap: float | None = None,
) -> Advice:
    """Compare every workflow of a loop, and say how much real data it needs.

    Exact for a mean with known variance, and for any regular model the law of many rows; see
    `modelcollapse.solver.excess_loss`. It takes milliseconds, and simulates nothing.

    Parameters
    ----------
    real
        The real rows that generation 1 is fitted to.
    synthetic
        Rows sampled from the last model in each later generation: a number, a sequence that
        starts with generation 2, or a callable of t = 2, 3, ....
    generations
        The number of fits; None where a sequence says it.
    fresh_real
        New real rows in each later generation, given likewise.
    keep_real
        Whether the first real rows stay, or their weight beside the last batch; None asks.
    budget
        Rows that each model is trained on where it sees a random part of all rows: a number, a
        sequence that starts with generation 1, or a callable; None is as many as the last batch.
    at_most
        The quality that is wanted after the last generation: the largest squared error, or
        excess loss, over that of the real rows alone.
    first_generation_gap
        What generation 1 loses by estimation, in any unit: see
        `modelcollapse.solver.estimation_gap`. Then the table has that of the last generation.

    Returns
    -------
    Advice
        Sentences, `plans`, `needs`, `split`; `to_dict`, `plot` and `save`.

    Raises
    ------
    InvalidInput
        If an argument is out of its range, or two contradict each other.

    Examples
    --------
    >>> import modelcollapse as mc
    >>> advice = mc.advise(real=1000, synthetic=10_000, generations=12)
    >>> for plan in advice.plans[:3]:
    ...     print(plan.title, round(plan.errors[-1], 3), plan.fate)
    all real rows alone 1.0 bounded
    the last batch 2.1 diverges
    the last 3 batches 1.331 diverges
    """
    q = asked(
        real,
        synthetic,
        generations,
        fresh_real,
        keep_real,
        budget,
        at_most,
        first_generation_gap,
    )
    every, least, best = plans(q), needs(q), split(q)
    told = sentences(q, every, least, best)
    return Advice(q, tuple(every), tuple(least), best, tuple(told))
