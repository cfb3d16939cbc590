"""One token after the other from a model of transformers, each by one uniform number."""

import inspect
from collections.abc import Sequence
from typing import Any

import numpy as np

from modelcollapse._support.checks import Floats
from modelcollapse._support.errors import InvalidInput

FINISHED = 1 / 8  # of a batch: the share at which its finished sequences are left out


class Uniforms:
    """A stream of uniform numbers for each sequence, whatever the others draw.

    Sequence i begins at the number i 2^64 of a counter that Philox turns into random bits, so that
    no two of them meet, and batches may be cut in any way.

    Parameters
    ----------
    seed
        The key.
    """

    def __init__(self, seed: int) -> None:
        self._bits = np.random.Philox(key=seed)
        self._fresh = self._bits.state

    def of(self, sequence: int, first: int, last: int) -> Floats:
        """Return numbers `first` to `last` of a sequence, the last one excluded, in [0, 1)."""
        counter = np.array([0, sequence, 0, 0], dtype=np.uint64)
        place: Any = {**self._fresh["state"], "counter": counter}
        self._bits.state = {**self._fresh, "state": place}
        return np.random.Generator(self._bits).random(last)[first:]


def tokens_at(logits: Any, uniforms: Any, temperature: float) -> Any:
    """Return the token of each row at which the cumulative law passes the row's uniform number.

    Everything is in float64. Each cumulative probability is off by less than (V + 1000) 2^-53
    for V tokens, 3e-11 for 256,000: what the logits' own rounding to float32 does is more. A
    token of probability 0 is never drawn.

    Parameters
    ----------
    logits
        Shape (rows, tokens), in any precision.
    uniforms
        Shape (rows,), float64, in [0, 1). Not used at temperature 0.
    temperature
        0 is the most probable token.

    Raises
    ------
    InvalidInput
        If logits are no numbers: the model has diverged.
    """
    import torch

    if temperature == 0:
        return logits.argmax(dim=-1)
    most = logits.amax(dim=-1, keepdim=True)
    sums = logits.to(torch.float64, copy=True)
    sums.sub_(most).div_(temperature).exp_().cumsum_(dim=-1)
    # u times the sum is below the sum for every u up to 1 - 2^-53.
    token = torch.searchsorted(sums, uniforms[:, None] * sums[:, -1:], right=True)
    if bool((token == sums.shape[-1]).any()):  # where the sum is no number
        raise InvalidInput(
            "sampling: the model's logits are not finite, as its training has diverged: lower the "
            "learning rate"
        )
    # Added in parallel, sums may rise a last bit at a token of probability 0.
    never = ((logits.gather(1, token).double() - most) / temperature).exp() == 0
    if bool(never.any()):
        token = torch.where(never, logits.argmax(dim=-1, keepdim=True), token)
    return token[:, 0]


def continued(
    model: Any,
    prefixes: Sequence[Sequence[int]],
    uniforms: Floats,
    temperature: float,
    *,
    end: int,
    padding: int,
) -> list[list[int]] | None:
    """Return each sequence with the tokens that follow; anything may follow its end.

    Sequences that have ended leave the batch once they are an eighth of it: to copy what is kept of
    the others costs less than a step, and every later step is shorter.

    Parameters
    ----------
    model
        A causal language model of transformers.
    prefixes
        Token numbers of each sequence, of any lengths above 0; shorter ones are padded before.
    uniforms
        Shape (sequences, tokens that follow).
    temperature
        As in `tokens_at`.
    end, padding
        The tokens of these names.

    Returns
    -------
    list or None
        None if the model is not one that can be driven from here: use its `generate`.
    """
    import torch

    name = cache_name(model)
    if name is None:
        return None
    device, (rows, tokens) = model.device, uniforms.shape
    lengths = torch.tensor([len(prefix) for prefix in prefixes], device=device)
    longest = int(lengths.max())
    given = [[padding] * (longest - len(prefix)) + [*prefix] for prefix in prefixes]
    ids = torch.tensor(given, device=device)
    places = torch.arange(rows, device=device)
    padded = bool((lengths < longest).any())
    mask = (torch.arange(longest, device=device) >= longest - lengths[:, None]).long()
    positions = (mask.cumsum(dim=1) - 1).clamp(min=0)
    chances = torch.tensor(uniforms, device=device)
    found = torch.full((rows, tokens), end, device=device)
    ended = torch.zeros(rows, dtype=torch.bool, device=device)
    options: dict[str, Any] = {"use_cache": True, "return_dict": True}
    if "logits_to_keep" in inspect.signature(model.forward).parameters:
        options["logits_to_keep"] = 1
    for step in range(tokens):
        if padded:
            options |= {"attention_mask": mask, "position_ids": positions}
        output = model(input_ids=ids, **options)
        if step == 0 and not _is_known(output.get(name)):
            return None
        options[name] = cache = output[name]
        token = tokens_at(output.logits[:, -1], chances[places, step], temperature)
        found[places, step] = token
        ended = ended | (token == end)
        finished = int(ended.sum())
        if finished == len(places):
            break
        if finished >= FINISHED * len(places):
            kept = (~ended).nonzero()[:, 0]
            cache.batch_select_indices(kept)
            token, places, ended = token[kept], places[kept], ended[kept]
            mask, positions = mask[kept], positions[kept]
        ids = token[:, None]
        if padded:
            mask = torch.nn.functional.pad(mask, (0, 1), value=1)
            positions = positions[:, -1:] + 1
    return [[*prefix, *row] for prefix, row in zip(prefixes, found.tolist(), strict=True)]


def cache_name(model: Any) -> str | None:
    """Return what a model calls its cache; None if it prepares the inputs of a step by itself."""
    from transformers import GenerationMixin

    kind = type(model)
    usual = all(
        getattr(kind, step, None) is getattr(GenerationMixin, step)
        for step in ("generate", "prepare_inputs_for_generation")
    )
    if not usual or model.config.get_text_config() is not model.config:
        return None
    known = inspect.signature(model.forward).parameters
    if not {"attention_mask", "position_ids", "use_cache"} <= known.keys():
        return None
    return next((name for name in ("cache", "past_key_values") if name in known), None)


def _is_known(cache: Any) -> bool:
    """Return whether a cache holds keys and values alone, which sequences can be taken out of."""
    from transformers import cache_utils

    layers = (cache_utils.DynamicLayer, cache_utils.DynamicSlidingWindowLayer)
    return type(cache) is cache_utils.DynamicCache and all(
        type(layer) in layers for layer in cache.layers
    )
