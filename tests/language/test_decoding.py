"""Decoding: the token at a uniform number, and logits step by step beside those of one pass."""

import bisect
import itertools
import math
from dataclasses import replace
from fractions import Fraction

import mpmath
import numpy as np
import pytest

from modelcollapse import InvalidInput
from modelcollapse.language import backend, decoding, generating
from modelcollapse.language.checkpoints import initial
from modelcollapse.language.decoding import Uniforms, cache_name, continued, tokens_at
from modelcollapse.language.generating import completed
from tests.helpers.language_models import (
    FAMILIES,
    TINY,
    encoder,
    markov,
    model,
    offline,  # noqa: F401
    tokenizer,
)

pytestmark = pytest.mark.language

NO = -math.inf
LAST = 1 - 2.0**-53  # the largest uniform number
BATCHES = {"one": (99, 32), "small": (7, 32), "short stages": (99, 2), "both": (5, 3)}


def at(logits, uniforms, temperature=1.0, dtype="float32"):
    """Return the tokens of one row of logits at several uniform numbers."""
    import torch

    row = torch.tensor(logits, dtype=getattr(torch, dtype))
    numbers = torch.tensor(uniforms, dtype=torch.float64)
    return tokens_at(row.expand(len(uniforms), -1), numbers, temperature).tolist()


@pytest.mark.parametrize("dtype", ["bfloat16", "float32", "float64"])
@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.0])
@pytest.mark.parametrize("level", [-50.0, 0.0, 3.0])
def test_equal_probabilities_are_told_apart_to_the_last_bit(level, temperature, dtype):
    """Sums are whole numbers then, and a boundary belongs to the token after it."""
    logits = [NO, level, level, NO, NO, level, level, NO]
    cuts = [0, 0.25, 0.5, 0.75]
    below = [math.nextafter(cut, 0) for cut in (*cuts[1:], 1.0)]

    assert below[-1] == LAST
    assert at(logits, cuts, temperature, dtype) == [1, 2, 5, 6]
    assert at(logits, below, temperature, dtype) == [1, 2, 5, 6]


@pytest.mark.parametrize("dtype", ["bfloat16", "float32"])
@pytest.mark.parametrize("temperature", [0.25, 1.0, 1.7])
def test_tokens_are_those_of_the_exact_law(temperature, dtype, seed):
    """Against sums of exponentials to 60 digits, within the error that is stated, and no more."""
    import torch

    size = 50
    given = np.random.default_rng(seed).normal(scale=3, size=size)
    logits = torch.tensor(given).to(getattr(torch, dtype)).double().tolist()
    with mpmath.workdps(60):
        powers = [Fraction(str(mpmath.exp(mpmath.mpf(x) / temperature))) for x in logits]
    sums = [part / sum(powers) for part in itertools.accumulate(powers)]
    error = Fraction(size + 1000, 2**53)
    steps = [float(cut + sign * 2 * error) for cut in sums[:-1] for sign in (-1, 1)]
    numbers = [u for u in [*np.linspace(0, LAST, 99).tolist(), *steps] if 0 <= u < 1]
    clear = [u for u in numbers if min(abs(Fraction(u) - cut) for cut in sums) > error]

    assert len(clear) > 0.9 * len(numbers)
    expected = [bisect.bisect_right(sums, Fraction(u)) for u in clear]
    assert at(logits, clear, temperature, dtype) == expected
    assert len(set(expected)) > 25


def test_a_grid_of_uniform_numbers_gives_the_law(seed):
    """Of N equally spaced ones a token gets N p, up to one at either end of its interval."""
    logits = np.random.default_rng(seed).normal(scale=2, size=300).astype(np.float32)
    law = np.exp(logits.astype(float))
    law /= law.sum()
    count = 20_000
    tokens = at(logits.tolist(), ((np.arange(count) + 0.5) / count).tolist())

    assert np.abs(np.bincount(tokens, minlength=300) - count * law).max() <= 1


@pytest.mark.parametrize("u", [0.0, 2.0**-53, 0.5, LAST])
def test_a_token_of_probability_zero_is_never_drawn(u, seed):
    """Not at either end, whatever the sum is; a logit may be -inf, or far below the others."""
    import torch

    rng = np.random.default_rng(seed)
    logits = torch.tensor(rng.normal(scale=4, size=(3000, 12)))
    never = torch.tensor(rng.random((3000, 12)) < 0.6)
    never[:, [0, -1]] = True
    never[:, 5] = False
    logits[never] = torch.where(torch.tensor(rng.random((3000, 12)) < 0.5), NO, -800.0).double()[
        never
    ]
    tokens = tokens_at(logits, torch.full((3000,), u, dtype=torch.float64), 1.0)

    assert not never.gather(1, tokens[:, None]).any()


def test_sums_that_rise_where_nothing_is(monkeypatch):
    """As they may where they are added in parallel: the most probable token stands in."""
    import torch

    def parallel(self, dim):
        sums = self.cumsum(dim)
        sums[:, 1] += 2.0**-50
        return self.copy_(sums)

    logits, u = [0.0, NO, 1.0, -1.0], [1 / (1 + math.e + 1 / math.e)]
    u = [math.nextafter(u[0], 1)]
    monkeypatch.setattr(torch.Tensor, "cumsum_", parallel)
    spoilt = torch.tensor([logits]).double().sub(1.0).exp().cumsum_(-1)

    assert torch.searchsorted(spoilt[0], u[0] * float(spoilt[0, -1]), right=True) == 1
    assert at(logits, u) == [2]


@pytest.mark.parametrize("temperature", [1e-300, 1e-6, 1e-2])
def test_low_temperatures_are_greedy(temperature):
    """Nothing overflows on the way to temperature 0, where ties go to the first."""
    numbers = [2.0**-53, 0.5, LAST]  # e^-100 is below the first

    assert at([1.0, 3.0, 2.0], numbers, temperature) == [1, 1, 1]
    assert at([1.0, 3.0, 3.0], numbers, temperature) == [1, 2, 2]
    assert at([1.0, 3.0, 3.0], numbers, 0) == [1, 1, 1]


@pytest.mark.parametrize("logits", [[0.0, math.nan], [math.inf, 0.0], [NO, NO]])
def test_a_model_that_has_diverged_is_an_error(logits):
    """It says so; the most probable token of no numbers would be some token."""
    with pytest.raises(InvalidInput, match="its training has diverged"):
        at(logits, [0.5])


def test_uniform_numbers_are_a_sequences_own():
    """Later ones go on from the first; other sequences and other seeds have others."""
    own = Uniforms(5)
    whole = own.of(3, 0, 40)
    others = [own.of(4, 0, 40), own.of(2**32, 0, 40), Uniforms(6).of(3, 0, 40)]

    assert own.of(3, 0, 40).tolist() == whole.tolist()
    assert own.of(3, 11, 40).tolist() == whole[11:].tolist()
    assert len({*whole, *np.ravel(others)}) == 160
    assert 0 <= whole.min() < whole.max() < 1


@pytest.mark.parametrize("batches", BATCHES)
def test_rows_do_not_depend_on_the_batches(monkeypatch, batches):
    """Each has its own numbers. Of a chain, whose logits do not depend on the others either."""
    chain = markov(max_length=40)
    word = list(chain.letters[:3])
    prompts = [[chain.encoder.start, *word[: i % 4]] for i in range(60)]
    expected = completed(chain.model, chain.encoder, prompts, TINY, 1)
    size, length = BATCHES[batches]
    monkeypatch.setattr(generating, "FIRST_LENGTH", length)
    recipe = replace(TINY, sampling_batch=size)

    assert completed(chain.model, chain.encoder, prompts, recipe, 1) == expected
    assert completed(chain.model, chain.encoder, prompts[:9], recipe, 1) == expected[:9]
    assert completed(chain.model, chain.encoder, prompts, recipe, 2) != expected


def recorded(monkeypatch, fresh, prefixes, tokens, end):
    """Return the sequences and the logits that each token was drawn from, by its number."""
    uniforms = np.random.default_rng(0).random((len(prefixes), tokens))
    seen, sizes = {}, []

    def record(logits, numbers, temperature):
        seen.update(zip(numbers.tolist(), logits.tolist(), strict=True))
        sizes.append(len(numbers))
        return tokens_at(logits, numbers, temperature)

    import torch

    with monkeypatch.context() as patch, torch.no_grad():
        patch.setattr(decoding, "tokens_at", record)
        found = continued(fresh, prefixes, uniforms, 1.0, end=end, padding=0)
    return found, [[seen.get(u) for u in row] for row in uniforms.tolist()], sizes


@pytest.mark.parametrize("case", [*FAMILIES, "sliding"])
@pytest.mark.parametrize("padded", [True, False])
def test_logits_are_those_of_one_pass(monkeypatch, case, padded):
    """With a cache, padding and sequences that leave, beside each whole sequence alone.

    In float32, whose roundings are 1e-6 for logits about 10: a hundred of them are allowed. One
    token of padding that is seen, and counted, changes logits by a hundred times that.
    """
    import torch

    family = "gemma2" if case == "sliding" else case
    with backend.seeded(2), backend.quiet(), torch.no_grad():
        fresh = initial(family, tokenizer(family), hidden=16, layers=2)
        for weight in fresh.parameters():
            weight.add_(torch.randn_like(weight) * 0.3)  # so that attention matters
    fresh.eval()
    if case == "sliding":
        fresh.config.sliding_window = 4
    rng = np.random.default_rng(3)
    lengths = [1, 2, 7, 9, 4, 3, 9, 9] if padded else [5] * 8
    prefixes = [rng.integers(5, 200, size=n).tolist() for n in lengths]
    first, _, _ = recorded(monkeypatch, fresh, prefixes, 14, -1)
    end = first[2][7 + 3]  # a token that some sequence comes to: it leaves the batch then
    found, logits, sizes = recorded(monkeypatch, fresh, prefixes, 14, end)

    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] == 8 > sizes[-1]
    compared = 0
    for prefix, sequence, steps in zip(prefixes, found, logits, strict=True):
        with torch.no_grad():
            whole = fresh(torch.tensor([sequence])).logits[0]
            shifted = fresh(torch.tensor([[0, *sequence]])).logits[0, 1:]
        drawn = sequence[len(prefix) :]
        alive = drawn.index(end) + 1 if end in drawn else len(drawn)
        expected = whole[len(prefix) - 1 :][:alive]
        np.testing.assert_allclose(steps[:alive], expected, rtol=0, atol=1e-4)
        assert (shifted[len(prefix) - 1 :][:alive] - expected).abs().max() > 1e-2
        compared += alive
    assert compared > 60


def test_other_models_are_left_to_generate(monkeypatch):
    """One that prepares its inputs by itself, or has another cache; and the law is the same."""
    import torch
    from transformers import DynamicCache, MambaConfig, MambaForCausalLM
    from transformers.models.llama import modeling_llama

    chain = markov()

    class Own(type(chain.model)):
        """A Llama that prepares its inputs by itself."""

        def prepare_inputs_for_generation(self, *arguments, **kwargs):
            calls.append(1)
            return super().prepare_inputs_for_generation(*arguments, **kwargs)

    class Other(DynamicCache):
        """A cache of another kind."""

    def follow(name):
        kept = model("llama").eval()
        with torch.no_grad():
            return continued(kept, [[1]], np.full((1, 2), 0.5), 1.0, end=-1, padding=0), name

    calls = []
    monkeypatch.setattr(chain.model, "__class__", Own)
    found = completed(chain.model, chain.encoder, [[chain.encoder.start]] * 40, TINY, 1)
    monkeypatch.undo()

    assert calls
    assert all(ids[-1] == chain.encoder.end and len(ids) > 1 for ids in found)
    assert len({tuple(ids) for ids in found}) > 20
    assert cache_name(chain.model) in {"cache", "past_key_values"}
    config = MambaConfig(vocab_size=9, hidden_size=8, num_hidden_layers=1, state_size=2)
    with backend.quiet():
        assert cache_name(MambaForCausalLM(config)) is None
    assert follow("known")[0] is not None
    monkeypatch.setattr(modeling_llama, "DynamicCache", Other)
    assert follow("other")[0] is None


@pytest.mark.parametrize("family", FAMILIES)
def test_families_are_driven_from_here(family):
    """None of the built-in models falls back on generate."""
    assert cache_name(model(family)) is not None
    assert encoder(family).end is not None
