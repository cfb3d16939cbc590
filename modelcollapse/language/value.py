"""The value of synthetic data: held-out losses on a grid of numbers of real and synthetic rows.

::

    RUN/run.json                             configuration, versions, machine
    RUN/held_out.parquet                     the held-out rows
    RUN/seed-0/real.parquet                  the real rows in their fixed random order
    RUN/seed-0/real/generation-001/          the fit to all of them; samples.parquet is the pool
    RUN/seed-0/pool.parquet                  or the user's own pool in its fixed random order
    RUN/seed-0/cell-r256-s1024/              metrics.json and held_out.parquet of one cell

The cell of r and s is the base fine-tuned on the first r real rows and the first s of the pool, so
that the rows of a cell are among those of every larger one. Its random streams derive from the
seed, r and s alone: its numbers do not depend on which cells there are, or on their order.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from modelcollapse._support.checks import whole
from modelcollapse._support.errors import InvalidInput, invalid
from modelcollapse.language import backend, devices
from modelcollapse.language.cell import Cell, seed_folder
from modelcollapse.language.chain import Chain
from modelcollapse.language.columns import READERS, read
from modelcollapse.language.folder import (
    Folder,
    check_space,
)
from modelcollapse.language.foresight import foreseen
from modelcollapse.language.judging import Judge
from modelcollapse.language.loop import FLOAT_BYTES, check_memory
from modelcollapse.language.rows import picked
from modelcollapse.language.screening import Screen
from modelcollapse.language.settings import Settings, Setup, checked_seeds, prepare
from modelcollapse.language.template import Row, digest
from modelcollapse.language.work import (
    Announce,
    Options,
    Report,
    Task,
    carry_out,
    unheard,
    unseen,
    working,
)
from modelcollapse.workflows import Replace

REAL = (0, 125, 250, 500, 1000, 2000)
SYNTHETIC = (0, 250, 500, 1000, 2000, 4000)
EXPERIMENT = "value of synthetic data"  # tells such a folder from a loop's
REAL_ORDER, POOL_ORDER = range(2)  # which rows a stream shuffles


@dataclass(frozen=True, eq=False)
class Grid:
    """All cells; `given` holds the rows of the user's pool, None where one is sampled."""

    setup: Setup
    real: tuple[int, ...]
    synthetic: tuple[int, ...]
    seeds: tuple[int, ...]
    given: list[Row] | None

    def check(self, pool: str | Path | None) -> None:
        """Raise InvalidInput if more rows are wanted than there are."""
        most = max(self.synthetic)
        if self.given is not None and len(self.given) < most:
            raise InvalidInput(
                f"synthetic = {most}: pool = {str(pool)!r} has {len(self.given)} usable rows; ask "
                "for fewer, or give a larger pool"
            )
        if self.sampled and max(self.real) == 0:
            raise InvalidInput(
                f"real = {list(self.real)}: the synthetic rows are sampled from a model that is "
                "fine-tuned on the largest number of real rows; give one above 0, or a pool"
            )
        if max(self.real) > 0:
            self.setup.draw(max(self.real), self.seeds[0], "real")

    @property
    def sampled(self) -> bool:
        """Whether the pool is sampled here."""
        return self.given is None and max(self.synthetic) > 0

    def described(self) -> dict[str, Any]:
        """Return all that a cell's numbers depend on, but the seed and its own two numbers."""
        if self.given is None:
            pool = f"{max(self.synthetic)} sampled rows"
        else:
            pool = f"{len(self.given)} given rows, {digest(self.given)}"
        experiment = {"experiment": EXPERIMENT, "real_rows": max(self.real), "pool": pool}
        return {**self.setup.described(), **experiment}

    def bytes(self, options: Options) -> int:
        """Return about how much will be written: the models kept, and one more on the way."""
        sources = len(self.seeds) * self.sampled
        cells = len(self.seeds) * len(self.real) * len(self.synthetic)
        kept = {"all": sources + cells, "last": sources, "none": 0}[options.keep]
        model = FLOAT_BYTES * self.setup.base.parameters()
        rows = (max(self.real) + max(self.synthetic)) * len(self.seeds)
        return (kept + (kept > 0)) * model + rows * self.setup.recipe.max_length * FLOAT_BYTES

    def write_rows(self, folder: Folder, announce: Announce) -> None:
        """Write the rows that are there before anything is trained, in their fixed orders."""
        folder.rows("held_out", self.setup.held_out, announce)
        for seed in self.seeds:
            if max(self.real) > 0:
                real = self.setup.draw(max(self.real), seed)
                folder.rows(f"seed-{seed}/real", shuffled(real, seed, REAL_ORDER), announce)
            if self.given:
                folder.rows(f"seed-{seed}/pool", shuffled(self.given, seed, POOL_ORDER), announce)

    def tasks(self, folder: Folder, options: Options) -> list[list[Task]]:
        """Return what samples the pools, and the cells."""
        setup = self.setup.spread(options.jobs)
        judge, sizes = Judge(setup), (max(self.real), max(self.synthetic))
        sources: list[Task] = []
        cells: list[Task] = []
        for seed in self.seeds:
            pool = seed_folder(folder, seed) / "pool.parquet"
            if self.sampled:
                chain = Chain(setup, judge, folder, options, Replace(), seed, sizes)
                sources.append(chain)
                pool = chain.place(1) / "samples.parquet"
            for r, s in product(self.real, self.synthetic):
                cells.append(Cell(judge, folder, options, seed, r, s, pool))
        return [sources, cells]


def value(
    settings: Settings | None = None,
    output: str | Path = "value-run",
    *,
    real: Sequence[int] = REAL,
    synthetic: Sequence[int] = SYNTHETIC,
    pool: str | Path | None = None,
    seeds: Sequence[int] = (0,),
    options: Options | None = None,
    report: Report | None = None,
    announce: Announce | None = None,
) -> Path:
    """Measure the held-out loss on a grid, or what is left of it, and return its folder.

    The base is fine-tuned on all real rows, once for each seed, and a pool of synthetic rows is
    sampled from it. Then, for each cell, the base is fine-tuned afresh on the first rows of both.
    The cell without rows is the base as it is.

    Parameters
    ----------
    settings
        Model, data and recipe; `samples` must be None, as the grid says how many rows there are.
    output
        The folder of the run. The same call resumes it; more cells or seeds extend it, as long as
        the largest number of real rows and the pool stay the same.
    real
        Numbers of real rows, 0 allowed.
    synthetic
        Numbers of synthetic rows, 0 allowed.
    pool
        A .parquet, .jsonl, .json or .csv file of synthetic rows to use instead of sampling them,
        such as samples.parquet of a loop's generation.
    seeds
        One grid for each.
    options
        How to carry it out. `keep` = "last" keeps the models that pools were sampled from, "all"
        those of the cells too.
    report
        Called with the finished share and what is under way.
    announce
        Called with a line on each cell as it is finished.

    Raises
    ------
    InvalidInput
        If an argument is wrong, there are fewer real or synthetic rows than asked for, the model
        or the data cannot be loaded, the disk is too small, or the folder holds another run.
        Nothing finished is ever overwritten.
    MissingDependency
        If torch, transformers, datasets or accelerate is not installed.

    References
    ----------
    Kazdan et al., arXiv 2410.16713, on the value of synthetic data.
    """
    settings, options = settings or Settings(), options or Options()
    numbers = checked_grid("real", real), checked_grid("synthetic", synthetic)
    if settings.samples is not None:
        raise invalid("samples", settings.samples, "leave it out: real and synthetic say it")
    seeds, show, tell = checked_seeds(seeds), report or unseen, announce or unheard
    setup = prepare(settings, lambda share: show(0.0, f"building {settings.model}: {share:.0%}"))
    options.check()
    given, told = (None, []) if pool is None else read_pool(pool, setup)
    grid = Grid(setup, *numbers, seeds, given)
    grid.check(pool)
    check_space(Path(output), grid.bytes(options), "the grid")
    check_memory(setup, options.jobs)
    folder = Folder(Path(output), grid.described())
    with working(folder, options):
        # The pool's source is fitted to all real rows; cells of fewer rows are not sampled.
        few = foreseen(setup, max(grid.real)) if grid.sampled else []
        known = [*setup.lines(), *devices.told(options.jobs), *told, *few]
        for line in known if announce else ():
            tell(line)
        grid.write_rows(folder, tell)
        backend.wait()
        carry_out(grid.tasks(folder, options), options, show, tell)
    return folder.path


def checked_grid(name: str, numbers: Sequence[int]) -> tuple[int, ...]:
    """Return different numbers of rows in ascending order."""
    checked = sorted(whole(name, number, minimum=0) for number in numbers)
    if not checked or len(set(checked)) < len(checked):
        raise invalid(name, list(numbers), "give at least one number, and none twice")
    return tuple(checked)


def read_pool(pool: str | Path, setup: Setup) -> tuple[list[Row], list[str]]:
    """Return the usable rows of a file, and what became of the others and of its columns."""
    path = Path(pool)
    if not path.is_file() or path.suffix.lower() not in READERS:
        raise InvalidInput(
            f"pool = {str(pool)!r} is not a {', '.join(READERS)} file: give an existing one"
        )
    with backend.quiet():
        try:
            # Without one, the columns say which: the same ones as the data's, or it is refused.
            own = None if setup.settings.template is None else setup.corpus.template
            found = read(path, None, None, own)
        except InvalidInput as error:
            raise InvalidInput(f"pool: {error}") from error
    columns = setup.corpus.template.columns
    if found is None or found.template.columns != columns:
        raise InvalidInput(
            f"pool = {str(pool)!r} has no rows of {' and '.join(columns)}, as the data has: give "
            "a file with such columns"
        )
    screen = Screen(found.train, setup.encoder.troubles)
    usable = picked(found.train, screen.usable())
    told = (
        f"{pool}: {len(found.train)} synthetic rows, {screen.left_out()}; "
        f"{found.dropped} rows without text left out"
    )
    return usable, [told, *(f"{pool}: {note}" for note in found.notes)]


def shuffled(rows: Sequence[Row], seed: int, stream: int) -> list[Row]:
    """Return rows in a random order, the same one every time."""
    order = np.random.default_rng([seed, backend.SELECT, stream]).permutation(len(rows))
    return [rows[i] for i in order]
