"""Tokens from a model of transformers: its own law, with nothing truncated."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from modelcollapse.language import backend
from modelcollapse.language.decoding import Uniforms, continued
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
    """Return what follows prompts, each up to its end if it has one.

    Each prompt has random numbers of its own: its tokens do not depend on the batches, but for the
    rounding of a model's logits. (Where `generate` samples, see `continued`, they do.)

    A batch takes as long as its longest sequence. So sequences are generated to a first length,
    those that have not ended to twice that length, and so on: the law is the same, as each goes on
    from its own tokens, and few steps are spent on sequences that have ended. Sequences in a batch
    have nearly as far to go, within a factor of two, and none goes on beyond max_length.
    """
    import torch

    def ahead(name: int) -> int:
        length = len(pending[name])
        return min(max(FIRST_LENGTH, 2 * length), encoder.max_length) - length

    pending = {name: list(prompt) for name, prompt in enumerate(prompts)}
    finished = {name: list[int]() for name in pending if ahead(name) <= 0}
    pending = {name: ids for name, ids in pending.items() if name not in finished}
    stage, chances = 0, Uniforms(seed)
    while pending:
        names = sorted(pending, key=ahead)
        for first, last in _batches([ahead(name) for name in names], recipe.sampling_batch):
            batch = names[first:last]
            prefixes, tokens = [pending[name] for name in batch], ahead(batch[0])
            done = [len(pending[name]) - len(prompts[name]) for name in batch]
            pairs = zip(batch, done, strict=True)
            uniforms = np.stack([chances.of(name, n, n + tokens) for name, n in pairs])
            beat()
            with torch.no_grad(), backend.autocast(recipe.precision):
                sequences = continued(
                    model,
                    prefixes,
                    uniforms,
                    recipe.temperature,
                    end=encoder.end,
                    padding=encoder.padding,
                )
            if sequences is None:
                stream = backend.derived(seed, stage, first)
                sequences = _generated(model, encoder, prefixes, tokens, recipe, stream)
            for name, ids in zip(batch, sequences, strict=True):
                begun = len(prompts[name])
                if encoder.end in ids[begun:]:
                    finished[name] = ids[begun : ids.index(encoder.end, begun) + 1]
                    del pending[name]
                elif len(ids) == encoder.max_length:
                    finished[name] = ids[begun:]
                    del pending[name]
                else:
                    pending[name] = ids
        stage += 1
    return [finished[name] for name in range(len(prompts))]


def _batches(ahead: Sequence[int], most: int) -> list[tuple[int, int]]:
    """Return (first, last) of batches of ascending numbers, none twice as large as the first."""
    cuts, first = [], 0
    for i, number in enumerate(ahead):
        if i - first == most or number >= 2 * ahead[first]:
            cuts.append((first, i))
            first = i
    return [*cuts, (first, len(ahead))]


def _generated(
    model: Any,
    encoder: Encoder,
    prefixes: list[list[int]],
    tokens: int,
    recipe: Recipe,
    seed: int,
) -> list[list[int]]:
    """Return each sequence with so many tokens that follow, from transformers' `generate`."""
    import torch
    from transformers import GenerationConfig

    random = recipe.temperature > 0
    how = GenerationConfig(
        do_sample=random,
        # Everything that would change the distribution is said: a checkpoint's own generation
        # settings, and generate's default top-k of 50, are not what the model has learned.
        **({"temperature": recipe.temperature, "top_k": 0, "top_p": 1.0} if random else {}),
        max_new_tokens=tokens,
        eos_token_id=encoder.end,
        pad_token_id=encoder.padding,
        bos_token_id=encoder.start,
    )
    longest = max(map(len, prefixes))
    missing = [longest - len(prefix) for prefix in prefixes]
    padded = [[encoder.padding] * n + prefix for n, prefix in zip(missing, prefixes, strict=True)]
    ids = torch.tensor(padded, device=model.device)
    mask = torch.tensor([[0] * n + [1] * (longest - n) for n in missing], device=model.device)
    with torch.no_grad(), backend.seeded(seed), backend.autocast(recipe.precision):
        output = model.generate(ids, attention_mask=mask, generation_config=how)
    sequences: list[list[int]] = output.tolist()
    return [sequence[n:] for sequence, n in zip(sequences, missing, strict=True)]
