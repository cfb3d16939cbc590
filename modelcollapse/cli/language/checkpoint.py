"""``modelcollapse language checkpoint``: build a small checkpoint."""

from pathlib import Path

from modelcollapse._support.errors import unknown
from modelcollapse.cli.language.options import shown
from modelcollapse.cli.output import Quiet
from modelcollapse.cli.whole import Whole
from modelcollapse.language import backend, checkpoints


def checkpoint(
    family: str, *, output: Path | None = None, seed: Whole = 0, quiet: Quiet = False
) -> int:
    """Build and pre-train a small model with its tokenizer; print its folder.

    Parameters
    ----------
    family
        gemma2, llama, qwen2 or gpt2.
    output
        A new folder; by default the cache, where --model tiny-FAMILY finds it. The cache is
        $MODELCOLLAPSE_CACHE, or modelcollapse in the user's cache folder.
    seed
        Of the data, the initial weights and the training; the cached ones have seed 0.
    """
    backend.require()
    if family.removeprefix(checkpoints.PREFIX) not in checkpoints.FAMILIES:
        raise unknown("family", family, checkpoints.FAMILIES)
    with shown(quiet=quiet) as (show, _):
        what = f"pre-training a small {family} model"
        if output is None and seed == 0:
            folder = checkpoints.resolve(
                family if family.startswith(checkpoints.PREFIX) else checkpoints.PREFIX + family,
                lambda share: show(share, what),
            )
        else:
            target = output or checkpoints.cache_folder() / f"{family}-seed-{seed}"
            folder = str(
                checkpoints.build(family, target, seed=seed, advance=lambda s: show(s, what))
            )
    print(folder)
    return 0
