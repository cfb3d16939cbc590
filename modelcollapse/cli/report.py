"""``modelcollapse report``: the ledger and its evidence as one HTML page."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

from modelcollapse._support.errors import InvalidInput
from modelcollapse._support.words import many
from modelcollapse.cli.output import Quiet, note, progress
from modelcollapse.cli.whole import MaybeWhole
from modelcollapse.ledger.verification import ALPHA, verify_all

if TYPE_CHECKING:
    from modelcollapse.reproduce.report import Decisions

FIGURES = Path("reproduction")


def report(
    *,
    verdicts: Path | None = None,
    figures: Path | None = None,
    output: Path = Path("report.html"),
    seed: MaybeWhole = None,
    alpha: float | None = None,
    quiet: Quiet = False,
) -> int:
    """Write the ledger, its evidence and the figures as one HTML page that works offline.

    Parameters
    ----------
    verdicts
        A file that `modelcollapse verify --json` wrote; by default the ledger is verified first,
        which takes some minutes.
    figures
        A folder of figures that `modelcollapse reproduce` made; by default `reproduction`, if
        there is one.
    output
        The page, a .html file.
    seed
        The seed of the simulations if the ledger is verified, 0 by default.
    alpha
        As for `verify`: of each check, if the ledger is verified; 1e-9 by default.
    """
    from modelcollapse.reproduce.report import check, read_figures, read_verdicts, write

    for name, value in (("seed", seed), ("alpha", alpha)):
        if verdicts is not None and value is not None:
            raise InvalidInput(
                f"{name} = {value!r} is for verifying, and {str(verdicts)!r} has been verified: "
                f"leave {name}, or verdicts"
            )
    check(output)
    folder = FIGURES if figures is None and FIGURES.is_dir() else figures
    drawn = [] if folder is None else read_figures(folder)
    found = (
        _verified(seed or 0, ALPHA if alpha is None else alpha, quiet=quiet)
        if verdicts is None
        else read_verdicts(verdicts)
    )
    write(output, found, drawn)
    wrong = [v.slug for v in found.verdicts.values() if not v.as_expected]
    count = many(len(found.verdicts), "verdict")
    if wrong:
        note(f"{len(wrong)} of {count} unexpected: {', '.join(wrong)}")
    note(f"wrote {count} and {many(len(drawn), 'figure')} to {output}")
    return int(bool(wrong))


def _verified(seed: int, alpha: float, *, quiet: bool) -> "Decisions":
    """Verify the ledger."""
    from modelcollapse.reproduce.report import Decisions

    started = time.monotonic()
    with progress(1.0, quiet=quiet) as show:
        verdicts = verify_all(
            seed=seed, alpha=alpha, progress=lambda slug, share: show(share, slug)
        )
    by_slug = {verdict.slug: verdict for verdict in verdicts}
    return Decisions(by_slug, time.monotonic() - started, seed, alpha)
