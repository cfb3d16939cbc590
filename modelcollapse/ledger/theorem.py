"""The ledger: one Theorem per statement, and the Verdict on it."""

import fnmatch
import importlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, SupportsIndex, TypeVar

from modelcollapse._support.errors import InvalidInput, invalid, shown, unknown
from modelcollapse._support.frames import by_column, frame
from modelcollapse._support.html import pairs, table
from modelcollapse.ledger.claims import Claim
from modelcollapse.ledger.search import find

Kind = Literal["identity", "law", "bound", "limit", "sharpened", "refuted"]
ROOMS = (
    *("gaussian", "kde", "exponential", "discrete", "regression", "markov"),
    *("mixed", "curated", "language"),
)


@dataclass(frozen=True)
class Theorem:
    """One statement about self-consuming loops.

    Parameters
    ----------
    slug
        Its name, ``room/workflow/statement``.
    statement, latex
        The statement in words and as a formula.
    source
        The paper, or "derived here" with the place in ``theory/``.
    assumptions
        What it needs.
    kind
        "identity" and "limit" are decided without chance; "law" and "bound" on simulations;
        "sharpened" is the exact value of what is published for large n or as a bound, which is a
        near miss here, and `parameters` say where the two differ by 1 %; "refuted" is a claim
        that is false under the assumptions, plausible or made in the words that `source` names.
    parameters
        The values at which it is checked.
    claim
        The check, with its near misses.
    keywords
        Words that it is to be found by and does not say, such as "collapse".
    """

    slug: str
    statement: str
    latex: str
    source: str
    assumptions: str
    kind: Kind
    parameters: str
    claim: Claim
    keywords: str = ""

    @property
    def expected(self) -> str:
        """The verdict that the ledger expects: "holds" or "refuted"."""
        return "refuted" if self.kind == "refuted" else "holds"

    def __repr__(self) -> str:
        return f"Theorem({self.slug}: {self.statement})"

    def _repr_html_(self) -> str:
        return pairs(self.slug, {**self.row(), "latex": f"${self.latex}$"})

    def row(self) -> dict[str, Any]:
        """Return its row in a table: what it states, without the claim and the keywords."""
        hidden = ("claim", "keywords")
        told = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in hidden}
        return {**told, "expected": self.expected}

    def __reduce_ex__(self, protocol: SupportsIndex) -> Any:
        """Travel by the slug, if it is the ledger's: claims are made of functions without names."""
        if any(self is one for one in _of_room(self.slug)):
            return _by_slug, (self.slug,)
        return super().__reduce_ex__(protocol)


@dataclass(frozen=True)
class Verdict:
    """What `verify` decided of one theorem.

    `verdict` is "holds", "refuted" (a claim of kind "refuted" was rejected), "fails" (a theorem
    was rejected, or a claim of kind "refuted" was not) or "weak" (a near miss was not rejected,
    or is too near to be told from the claim; `observed` says so). `near_statistics` has, for each
    near miss, the statistic of the same evidence held against it, on the same threshold.
    """

    slug: str
    kind: str
    source: str
    parameters: str
    predicted: str
    observed: str
    method: str
    statistic: float
    threshold: float
    samples: int
    near_misses: dict[str, bool]
    verdict: str
    expected: str
    near_statistics: Mapping[str, float] = field(default_factory=dict)

    @property
    def as_expected(self) -> bool:
        """Whether the verdict is the one that the ledger expects."""
        return self.verdict == self.expected

    @property
    def near_misses_rejected(self) -> str:
        """Near misses rejected, such as "3/3"."""
        return f"{sum(self.near_misses.values())}/{len(self.near_misses)}"

    def as_dict(self) -> dict[str, Any]:
        """Return the verdict as plain data."""
        return {**asdict(self), "as_expected": self.as_expected}

    def row(self) -> dict[str, Any]:
        """Return its row in a table: `near_misses` is how many were rejected, such as "3/3"."""
        told = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "near_statistics"}
        return {**told, "near_misses": self.near_misses_rejected, "as_expected": self.as_expected}

    def __repr__(self) -> str:
        sign = "<=" if self.statistic <= self.threshold else ">"
        return (
            f"Verdict({self.slug}: {self.verdict}, statistic {self.statistic:.3g} {sign} "
            f"{self.threshold:.3g}, near misses rejected {self.near_misses_rejected})"
        )

    def _repr_html_(self) -> str:
        return pairs(self.slug, self.row())

    def plot(self, ax: Any = None) -> Any:
        """Draw the statistic and those of the near misses beside the threshold.

        Parameters
        ----------
        ax
            The matplotlib Axes to draw into, which are returned; None makes new ones.

        Raises
        ------
        MissingDependency
            If matplotlib is not installed.
        """
        from modelcollapse.ledger.picture import draw

        return draw(self, ax)

    def to_frame(self, library: str = "polars") -> Any:
        """Return the verdict as a row of a data frame; see `Entries.to_frame`."""
        return Entries([self]).to_frame(library)


Entry = TypeVar("Entry", Theorem, Verdict)


class Entries(list[Entry]):
    """A list of theorems or of verdicts, which is a table too."""

    def to_frame(self, library: str = "polars") -> Any:
        """Return a data frame of "polars", "pandas" or "pyarrow", with one row for each.

        Raises
        ------
        MissingDependency
            If the library is not installed.
        """
        return frame(self._columns(), library)

    def _repr_html_(self) -> str:
        kinds = sorted({type(one).__name__ for one in self})
        return table(f"{len(self)} of {' and '.join(kinds) or 'nothing'}", self._columns())

    def _columns(self) -> dict[str, Any]:
        return by_column([one.row() for one in self])


def theorems(glob: str = "*", *, about: str | None = None) -> Entries[Theorem]:
    """Return the ledger's theorems: those of a slug, and those that say some words.

    Parameters
    ----------
    glob
        A slug, its beginning up to a slash, or a pattern, such as ``kde/replace`` or ``*/limit``.
    about
        Words in any order, such as "KDE collapse replace". Words of much the same meaning count
        too, and rare words count more.

    Returns
    -------
    list of Theorem
        In the order of the ledger, or, of words, those first that say most of them. Its
        ``to_frame()`` is a table.

    Raises
    ------
    InvalidInput
        If none matches; the message lists the nearest slugs or words.

    Examples
    --------
    >>> import modelcollapse as mc
    >>> for theorem in mc.theorems(about="KDE collapse replace")[:2]:
    ...     print(theorem.slug)
    kde/replace/shrinking-too-fast-clumps
    kde/replace/test-loss-linear
    """
    if not isinstance(glob, str):
        raise invalid("glob", glob, "give a pattern of slugs, such as 'gaussian/*'")
    known = [theorem for room in ROOMS for theorem in _of_room(room)]
    within = glob.rstrip("/") + "/"
    matching = Entries(
        t for t in known if fnmatch.fnmatchcase(t.slug, glob) or t.slug.startswith(within)
    )
    if not matching:
        wrong = unknown("theorem", glob, [t.slug for t in known])
        hint = "" if "/" in glob else f"; words are looked for by theorems(about={shown(glob)})"
        raise InvalidInput(f"{wrong}{hint}")
    if about is None:
        return matching
    if not isinstance(about, str):
        raise invalid("about", about, "give words, such as 'KDE collapse replace'")
    return Entries(find(matching, about)[0])


def _of_room(slug: str) -> "tuple[Theorem, ...]":
    """Return the ledger's theorems of the room that a slug begins with, if there is one."""
    room = slug.partition("/")[0]
    if room not in ROOMS:
        return ()
    found: tuple[Theorem, ...] = tuple(
        importlib.import_module(f"modelcollapse.ledger.entries.{room}.theorems").THEOREMS
    )
    return found


def _by_slug(slug: str) -> Theorem:
    return next(theorem for theorem in _of_room(slug) if theorem.slug == slug)
