"""Tokens from a model of transformers: its own law, with nothing truncated."""

from collections.abc import Callable
from typing import Any

from modelcollapse.language import backend
from modelcollapse.language.recipe import Recipe
from modelcollapse.language.tokens import Encoder

FIRST_LENGTH = 32  # tokens that sequences are generated to at first
Beat = Callable[[], None]  # called before each batch


def completed(
    model: Any,
    encoder: Encoder,
    prompts: list[list[int]],
    recipe: Recipe,
    seed: int,
    beat: Beat = lambda: None,
) -> list[list[int]]:
    """Return what follows prompts of one length, each up to its end if it has one.

    A batch takes as long as its longest sequence. So sequences are generated to a first length,
    those that have not ended to twice that length, and so on: the law is the same, as each goes on
    from its own tokens, and few steps are spent on sequences that have ended.
    """
    finished: dict[int, list[int]] = {}
    pending = dict(enumerate(prompts))
    begun = length = len(prompts[0])
    stage = 0
    while pending:
        upto = min(max(FIRST_LENGTH, 2 * length), encoder.max_length)
        names = list(pending)
        for first in range(0, len(names), recipe.sampling_batch):
            batch = names[first : first + recipe.sampling_batch]
            stream = backend.derived(seed, stage, first)
            beat()
            prefixes = [pending[name] for name in batch]
            for name, ids in zip(
                batch, _continued(model, encoder, prefixes, upto, recipe, stream), strict=True
            ):
                if encoder.end in ids[begun:]:
                    finished[name] = ids[begun : ids.index(encoder.end, begun) + 1]
                    del pending[name]
                else:
                    pending[name] = ids
        length, stage = upto, stage + 1
        if length == encoder.max_length:
            finished |= {name: ids[begun:] for name, ids in pending.items()}
            break
    return [finished[name] for name in range(len(prompts))]


def _continued(
    model: Any,
    encoder: Encoder,
    prefixes: list[list[int]],
    upto: int,
    recipe: Recipe,
    seed: int,
) -> list[list[int]]:
    """Return each sequence with the tokens that follow, up to a length."""
    import torch
    from transformers import GenerationConfig

    random = recipe.temperature > 0
    how = GenerationConfig(
        do_sample=random,
        # Everything that would change the distribution is said: a checkpoint's own generation
        # settings, and generate's default top-k of 50, are not what the model has learned.
        **({"temperature": recipe.temperature, "top_k": 0, "top_p": 1.0} if random else {}),
        max_new_tokens=upto - len(prefixes[0]),
        eos_token_id=encoder.end,
        pad_token_id=encoder.padding,
        bos_token_id=encoder.start,
    )
    ids = torch.tensor(prefixes, device=model.device)
    with torch.no_grad(), backend.seeded(seed), backend.autocast(recipe.precision):
        output = model.generate(ids, attention_mask=torch.ones_like(ids), generation_config=how)
    sequences: list[list[int]] = output.tolist()
    return sequences
