"""What a diagnosis is: eight findings, and how they are shown."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from modelcollapse._support import html
from modelcollapse._support.checks import named
from modelcollapse._support.frames import by_column, frame
from modelcollapse.diagnosis.answer import Basis, Word
from modelcollapse.diagnosis.effects import Effect
from modelcollapse.diagnosis.sentences import told
from modelcollapse.evidence import Evidence

# In the paper's order; the titles are those of its authors' figure of the definitions.
DEFINITIONS: dict[str, str] = {
    "catastrophic_risk": "catastrophic increase of population risk",
    "any_risk": "any increase of population risk",
    "diverging_risk": "asymptotically diverging population risk",
    "variance_collapse": "collapsing variance",
    "scaling_law": "change in scaling law",
    "mode_loss": "disappearance or entanglement of real data modes",
    "tail_loss": "disappearance of real tail data",
    "hallucination": "appearance of hallucinated data",
}


@dataclass(frozen=True)
class Finding:
    """What one definition of model collapse says of a trajectory.

    Attributes
    ----------
    number, name, definition
        The definition's place in the paper, its short name here, and its title.
    verdict
        "holds", "does not hold" or "undetermined".
    basis
        "theorem" (an exact prediction), "fact" (an infinity or a zero in the data, or a bound that
        was given), "test" (exact at every sample size), or "" where it is undetermined.
    metric
        The column it is about; a leading minus says that it gets worse as it falls.
    statistic
        What was observed or predicted.
    threshold
        What the statistic is held against, and why that is valid.
    reason
        Why the verdict is what it is, in one line.
    needed
        What would decide an undetermined verdict: an alpha, a number of runs, an option.
    null
        The null hypothesis of the test, in words; "" where none was done.
    p_value
        The smallest alpha at which that is rejected; None where no test was done, or where there
        is nothing random to test.
    opposite
        The smallest alpha at which the definition does not hold: of the test of the opposite.
    e_value
        The e-value, of a test by betting.
    effect
        How far the column moved, with an exact interval; None where it is not recorded.
    evidence
        The test as one of `modelcollapse.evidence`, if it is one.
    """

    number: int
    name: str
    definition: str
    verdict: Word
    basis: Basis
    metric: str
    statistic: str
    threshold: str
    reason: str
    needed: str
    null: str
    p_value: float | None
    opposite: float | None
    e_value: float | None
    effect: Effect | None
    evidence: Evidence | None

    def __repr__(self) -> str:
        basis = f" by a {self.basis}" if self.basis else ""
        return f"Finding({self.name}: {self.verdict}{basis}: {self.reason})"

    def as_dict(self) -> dict[str, Any]:
        """Return the finding as plain data."""
        return asdict(self)

    def row(self) -> dict[str, Any]:
        """Return its row in a table, with the effect's numbers in columns of their own."""
        one = {f.name: getattr(self, f.name) for f in fields(self)}
        del one["evidence"], one["effect"]
        moved = [f.name for f in fields(Effect) if f.name != "generations"]
        return one | {name: getattr(self.effect, name, None) for name in moved}


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """The findings of `diagnose`, by name and in the paper's order.

    ``diagnosis["any_risk"]`` is a finding; a diagnosis iterates over its findings.

    Attributes
    ----------
    source
        What was diagnosed.
    verdicts
        The findings by name.
    replicates, generations
        How many runs there are, and the first and the last generation.
    alpha
        The largest probability that the data give a wrong verdict, for each finding.
    notes
        What else is to be known, such as generations that were left out.
    """

    source: str
    verdicts: Mapping[str, Finding]
    replicates: int
    generations: tuple[int, int]
    alpha: float
    notes: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> Finding:
        return self.verdicts[named("definition", name, self.verdicts)]

    def __contains__(self, name: object) -> bool:
        """Return whether it is the name of a definition, or one of the findings."""
        return name in self.verdicts or any(name is one for one in self.verdicts.values())

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.verdicts.values())

    def __len__(self) -> int:
        return len(self.verdicts)

    def __str__(self) -> str:
        return self.table()

    def __repr__(self) -> str:
        return f"Diagnosis({self.source}: {self.summary})"

    def _repr_html_(self) -> str:
        columns = by_column([one.row() for one in self])
        some = ("number", "definition", "verdict", "basis", "metric", "p_value", "ratio", "reason")
        title = f"{self.source}: {self.summary}"
        notes = (self.sentence, *self.notes)
        return html.table(title, {name: columns[name] for name in some}, notes)

    def plot(self, ax: Any = None) -> Any:
        """Draw the verdict of each definition.

        Parameters
        ----------
        ax
            The matplotlib Axes to draw into, which are returned; None makes new ones.

        Raises
        ------
        MissingDependency
            If matplotlib is not installed.
        """
        from modelcollapse.diagnosis.picture import draw

        return draw(self, ax)

    @property
    def summary(self) -> str:
        """One sentence: by how many definitions it has collapsed."""
        yes, no = self._named("holds"), self._named("does not hold")
        total, unknown = len(self), len(self) - len(yes) - len(no)
        counts = (
            f"collapsed by {len(yes)} of {total} definitions{_listed(yes)}, "
            f"not by {len(no)}{_listed(no)}, {unknown} undetermined"
        )
        return f"the definitions disagree: {counts}" if yes and no else counts

    def _named(self, verdict: Word) -> list[str]:
        return [one.name for one in self if one.verdict == verdict]

    @property
    def sentence(self) -> str:
        """What happened, in a sentence made from the numbers that it rests on."""
        return told(self)

    def table(self) -> str:
        """Return the findings as text, one line for each, below the sentence and the summary."""
        head = ("", "definition", "verdict", "basis", "metric", "p", "change", "why")
        rows = [head]
        rows += [
            (
                str(f.number),
                f.name,
                f.verdict,
                f.basis or "-",
                f.metric or "-",
                "-" if f.p_value is None else f"{f.p_value:.2g}",
                "-" if f.effect is None else f.effect.text,
                f.reason,
            )
            for f in self
        ]
        widths = [max(len(row[i]) for row in rows) for i in range(len(head) - 1)]
        lines = [
            "  ".join([*(c.ljust(w) for c, w in zip(row, widths, strict=False)), row[-1]])
            for row in rows
        ]
        nulls = [
            f"{f.name}: p = {f.p_value:.2g} of the null hypothesis that {f.null}"
            for f in self
            if f.p_value is not None
        ]
        return "\n".join([self.sentence, f"{self.source}: {self.summary}", *lines, *nulls])

    def to_frame(self, library: str = "polars") -> Any:
        """Return a data frame of "polars", "pandas" or "pyarrow", with one row per finding.

        Raises
        ------
        MissingDependency
            If the library is not installed.
        """
        return frame(by_column([one.row() for one in self]), library)

    def as_dict(self) -> dict[str, Any]:
        """Return the diagnosis as plain data; infinities are floats."""
        return {
            "source": self.source,
            "sentence": self.sentence,
            "summary": self.summary,
            "replicates": self.replicates,
            "generations": list(self.generations),
            "alpha": self.alpha,
            "verdicts": {name: finding.as_dict() for name, finding in self.verdicts.items()},
            "notes": list(self.notes),
        }


def _listed(names: list[str]) -> str:
    return f" ({', '.join(names)})" if names else ""
