"""The loop: every workflow with every seed, in one folder that can be resumed."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from modelcollapse._support.checks import whole
from modelcollapse._support.errors import InvalidInput, invalid
from modelcollapse._support.memory import require
from modelcollapse.language import backend, devices
from modelcollapse.language.chain import Chain, label
from modelcollapse.language.folder import Folder, check_space
from modelcollapse.language.foresight import foreseen
from modelcollapse.language.judging import Judge
from modelcollapse.language.settings import WORKFLOWS, Settings, Setup, checked_seeds, prepare
from modelcollapse.language.untrained import Untrained
from modelcollapse.language.work import (
    Announce,
    Keep,
    Options,
    Report,
    Task,
    carry_out,
    unheard,
    unseen,
    working,
)
from modelcollapse.workflows import AnyWorkflow, Workflow, keeps
from modelcollapse.workflows.selection import require_workflow, select
from modelcollapse.workflows.sources import is_refreshing

FLOAT_BYTES = 4  # of a weight, and about as many of text per token


def run(
    settings: Settings | None = None,
    output: str | Path = "language-run",
    *,
    workflows: Sequence[AnyWorkflow] = WORKFLOWS,
    generations: int = 4,
    seeds: Sequence[int] = (0,),
    options: Options | None = None,
    report: Report | None = None,
    announce: Announce | None = None,
) -> Path:
    """Run the loop, or what is left of it, and return its folder.

    Parameters
    ----------
    settings
        Model, data and recipe.
    output
        The folder of the run. The same call resumes it; more generations, workflows or seeds
        extend it.
    workflows
        Which rows each generation is trained on.
    generations
        The number of fits; generation 1 is the fit to real data.
    seeds
        One run of everything for each.
    options
        How to carry it out.
    report
        Called with the finished share and what is under way.
    announce
        Called with a line on each generation as it is finished.

    Returns
    -------
    Path
        The folder; `modelcollapse.language.Results.read` reads it.

    Raises
    ------
    InvalidInput
        If an argument is wrong, the model or the data cannot be loaded, the disk is too small, or
        the folder holds another run. Nothing finished is ever overwritten.
    MissingDependency
        If torch, transformers, datasets or accelerate is not installed.
    """
    settings, options = settings or Settings(), options or Options()
    whole("generations", generations)
    seeds = checked_seeds(seeds)
    if not isinstance(workflows, Sequence):
        raise invalid("workflows", workflows, "give a sequence, such as [Replace(), Accumulate()]")
    followed: list[Workflow] = []
    for workflow in workflows:
        require_workflow(workflow)
        if is_refreshing(workflow):
            raise invalid(
                "workflows", workflow, "real rows are drawn once here: keep them, with KeepReal()"
            )
        if keeps(workflow):
            remedy = "its training set persists, which language models do not follow: use mc.run()"
            raise invalid("workflows", workflow, remedy)
        followed.append(workflow)
    labels = [label(workflow) for workflow in followed]
    if not labels or len(set(labels)) < len(labels):
        raise invalid("workflows", labels, "give at least one, and none twice")
    show, tell = report or unseen, announce or unheard
    setup = prepare(settings, lambda share: show(0.0, f"building {settings.model}: {share:.0%}"))
    options.check()
    sizes = setup.sizes(generations)
    if setup.recipe.packed:
        for workflow in followed:
            check_weights(workflow, sizes)
    size = needed(setup, sizes, len(seeds) * len(labels), options.keep)
    check_space(Path(output), size, "the run")
    check_memory(setup, options.jobs)
    real = {seed: setup.draw(sizes[0], seed) for seed in seeds}
    folder = Folder(Path(output), setup.described())
    with working(folder, options):
        known = [*setup.lines(), *devices.told(options.jobs), *foreseen(setup, sizes[0])]
        for line in known if announce else ():
            tell(line)
        folder.rows("held_out", setup.held_out, tell)
        for seed, rows in real.items():
            folder.rows(f"seed-{seed}/real", rows, tell, "samples")
        backend.wait()
        setup = setup.spread(options.jobs)
        judge = Judge(setup)
        chains = [
            Chain(setup, judge, folder, options, workflow, seed, sizes)
            for seed in seeds
            for workflow in followed
        ]
        # Workflows share the fit to the whole real batch: it comes before they part.
        first = {chain.place(1): replace(chain, sizes=sizes[:2]) for chain in chains}
        phases: list[list[Task]] = [[Untrained(judge, folder), *first.values()], [*chains]]
        carry_out(phases, options, show, tell)
    return folder.path


def check_weights(workflow: Workflow, sizes: Sequence[int]) -> None:
    """Raise InvalidInput if a workflow weights rows, which packed blocks mix."""
    for t in range(1, len(sizes)):
        _, weights = select(workflow, list(sizes[:t]), np.random.default_rng(0))
        if weights is not None:
            raise InvalidInput(
                f"workflows: {label(workflow)} weights rows, and a packed block has parts of "
                "several; leave the weight out, or do not pack"
            )


def check_memory(setup: Setup, jobs: int) -> None:
    """Raise InvalidInput if training does not fit into the memory of this machine."""
    every = setup.base.parameters()
    trained = every if setup.adapter is None else setup.adapter
    held = float(FLOAT_BYTES * (every + 3 * trained))
    what = f"model = {setup.settings.model!r}: weights, gradients and two moments"
    if backend.device().type == "cpu":
        require(held, what)
    else:
        devices.require_room(jobs, held, what)


def needed(setup: Setup, sizes: Sequence[int], chains: int, keep: Keep) -> int:
    """Return about how many bytes are written: the models kept, one more on the way, and rows."""
    kept = {"all": chains * (len(sizes) - 1), "last": chains, "none": 0}[keep]
    model = FLOAT_BYTES * setup.base.parameters()
    return (kept + (kept > 0)) * model + chains * sum(sizes) * setup.recipe.max_length * FLOAT_BYTES
