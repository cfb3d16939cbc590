"""Verdicts in a pytest session: verified at its seed and alpha, held to what is expected."""

from collections.abc import Sequence
from typing import Any

import pytest

from modelcollapse._support.checks import named
from modelcollapse._support.errors import invalid
from modelcollapse.ledger.agreement import verify_experiment
from modelcollapse.ledger.theorem import Theorem, Verdict
from modelcollapse.ledger.verification import verify
from modelcollapse.loop.experiment import Experiment
from modelcollapse_pytest import CHECK

VERDICTS = ("holds", "refuted", "fails", "weak")


class Held:
    """Verifies loops and theorems for one test, which fails where a verdict is unexpected."""

    def __init__(self, item: pytest.Item) -> None:
        self._item = item

    def __call__(
        self, what: Experiment | Theorem | str, *, expected: str | None = None, **options: Any
    ) -> list[Verdict]:
        """Verify, and fail the test unless each verdict is the expected one.

        Parameters
        ----------
        what
            An experiment, which goes to `modelcollapse.verify_experiment`, or a slug of the ledger
            or a theorem of your own, which go to `modelcollapse.verify`.
        expected
            "holds", "refuted", "fails" or "weak"; by default each theorem's own.
        **options
            Passed on, such as ``effect`` or ``thorough``; ``seed`` and ``alpha`` are by default
            --collapse-seed and --collapse-alpha.

        Returns
        -------
        list of Verdict
            One of a theorem, and one for each quantity of a loop.
        """
        if expected is not None:
            named("verdict", expected, VERDICTS)
        session = self._item.config.option
        options = {"seed": session.collapse_seed, "alpha": session.collapse_alpha} | options
        if isinstance(what, Experiment):
            verdicts: list[Verdict] = verify_experiment(what, **options)
        elif isinstance(what, Theorem | str):
            verdicts = [verify(what, **options)]
        else:
            raise invalid("what", what, "give an Experiment, a slug of the ledger or a Theorem")
        hold(self._item, verdicts, options["alpha"], expected)
        return verdicts


def hold(
    item: pytest.Item, verdicts: Sequence[Verdict], alpha: float, expected: str | None = None
) -> None:
    """Note what a test has verified, and fail it unless each verdict is the expected one.

    `expected` is by default what each theorem says itself.
    """
    for v in verdicts:
        # One that took no samples was decided without chance.
        level = alpha if v.samples else 0.0
        item.user_properties.append((CHECK, {"alpha": level, "verdict": v.verdict, "of": v.slug}))
    wrong = [v for v in verdicts if v.verdict != (expected or v.expected)]
    if wrong:
        pytest.fail("\n".join(_reason(v, expected or v.expected) for v in wrong), pytrace=False)


def _reason(v: Verdict, expected: str) -> str:
    text = f"{v.slug} ({v.parameters}): {v.verdict}, where {expected!r} is expected: "
    if not v.method:  # nothing was tested, and this is why
        return text + v.observed
    missed = [name for name, found in v.near_misses.items() if not found]
    near = f"; not told from: {', '.join(missed)}" if missed else ""
    return (
        f"{text}predicted {v.predicted}, observed {v.observed}; {v.method}: "
        f"{v.statistic:.4g} away, {v.threshold:.4g} allowed, {v.samples} samples{near}"
    )
