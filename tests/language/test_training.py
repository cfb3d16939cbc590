"""Fine-tuning: every step against a gradient computed by hand, and the same bits for a seed."""

import functools
import importlib
import random

import numpy as np
import pytest

from modelcollapse import InvalidInput
from modelcollapse._support import generators
from modelcollapse.language import backend, training
from modelcollapse.language.evaluation import row_nats
from modelcollapse.language.recipe import Recipe
from modelcollapse.language.settings import prepare
from modelcollapse.language.training import Collator
from tests.helpers.language_models import (
    FAMILIES,
    TINY,
    encoder,
    model,
    offline,  # noqa: F401
    same_state,
    settings,
    state,
    texts,
    trained,
)

pytestmark = pytest.mark.language

ROUNDING = 1e-4  # of the largest change: 1000 units of float32 for sums of some hundred terms
RATE = 0.5
EQUAL = [{"text": word} for word in ("bird", "hat", "fine", "good", "kind", "low")]


@pytest.fixture
def plain_gradient(monkeypatch):
    """Step along the gradient itself: AdamW and clipping would hide its scale."""
    library = importlib.import_module("transformers")  # loading its Trainer makes a new module
    plain = functools.partial(library.TrainingArguments, optim="sgd", max_grad_norm=0.0)
    monkeypatch.setattr(library, "TrainingArguments", plain)


def without_dropout(fresh):
    """Switch GPT-2's dropout off."""
    import torch

    for module in fresh.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    return fresh


def row_losses(fresh, own, rows):
    """Return -log p of each row, one row at a time, and the numbers of their tokens."""
    import torch

    nats, tokens = [], []
    for ids in own.encode(rows):
        log_p = torch.log_softmax(fresh(torch.tensor([ids])).logits[0, :-1], dim=-1)
        nats.append(-log_p[range(len(ids) - 1), ids[1:]].sum())
        tokens.append(len(ids) - 1)
    return nats, tokens


def by_hand(fresh, own, batches, loss):
    """Step along the gradient of a loss, batch by batch; return the losses before each step."""
    import torch

    losses = []
    for rows in batches:
        value = loss(*row_losses(fresh, own, rows))
        gradients = torch.autograd.grad(value, list(fresh.parameters()), allow_unused=True)
        with torch.no_grad():
            for parameter, gradient in zip(fresh.parameters(), gradients, strict=True):
                if gradient is not None:
                    parameter.sub_(RATE * gradient)
        losses.append(value.item())
    return losses


def per_token(nats, tokens):
    """Return what a step minimises: nats per token of all its rows."""
    return sum(nats) / sum(tokens)


def per_row(nats, tokens):
    """Return what a step would minimise if each forward pass of one row took its own mean."""
    return sum(n / t for n, t in zip(nats, tokens, strict=True)) / len(tokens)


def distance(one, other, start):
    """Return the largest difference of two sets of weights, over the largest change."""
    change = max((other[name] - start[name]).abs().max().item() for name in start)
    return max((one[name] - other[name]).abs().max().item() for name in start) / change


@pytest.mark.parametrize(("batch_size", "accumulation"), [(8, 1), (3, 3)])
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.usefixtures("plain_gradient")
def test_steps_are_those_of_nats_per_token(family, batch_size, accumulation):
    """Three steps on 8 rows of different lengths, however they are cut; per row is a near miss."""
    rows, own = texts(8, longest=12), encoder(family)
    options = {"batch_size": batch_size, "accumulation": accumulation, "warmup": 0.0}
    fresh, hand, near = (without_dropout(model(family)) for _ in range(3))
    start = state(fresh)
    done = trained(fresh, family, rows, steps=3, learning_rate=RATE, **options)
    losses = by_hand(hand, own, [rows] * 3, per_token)
    by_hand(near, own, [rows] * 3, per_row)

    assert len({len(ids) for ids in own.encode(rows)}) > 3
    assert distance(state(fresh), state(hand), start) < ROUNDING
    assert distance(state(near), state(hand), start) > 100 * ROUNDING
    assert done.loss == pytest.approx(np.mean(losses), rel=1e-5)
    assert done.steps == 3


@pytest.mark.parametrize(("batch_size", "accumulation"), [(8, 1), (3, 3), (1, 1)])
@pytest.mark.usefixtures("plain_gradient")
def test_steps_are_those_of_nats_per_row(monkeypatch, batch_size, accumulation):
    """However the rows are cut, a step is the sum of its rows' nats; per token is a near miss.

    It is over the number of its rows times the mean length of all rows, so that rates are those of
    the other loss.
    """
    family, rows = "llama", texts(10, longest=12)
    own, fresh, hand, near = encoder(family), *(model(family) for _ in range(3))
    start = state(fresh)
    mean = np.mean([len(ids) - 1 for ids in own.encode(rows)])
    options = {"learning_rate": RATE, "warmup": 0.0, "loss": "rows"}
    options |= {"batch_size": batch_size, "accumulation": accumulation}
    seen, collate = [], Collator.__call__

    def record(self, features):
        seen.append([{"text": own.tokenizer.decode(f["input_ids"][1:-1])} for f in features])
        return collate(self, features)

    monkeypatch.setattr(Collator, "__call__", record)
    done = trained(fresh, family, rows, steps=3, **options)
    epoch = -(-10 // batch_size)  # its batches, of which the last step may have fewer
    cuts = [range(k, min(k + accumulation, epoch)) for k in range(0, epoch, accumulation)]
    steps = [[n * epoch + k for k in cut] for n in range(3) for cut in cuts][:3]
    batches = [[row for k in step for row in seen[k]] for step in steps]
    losses = by_hand(hand, own, batches, lambda nats, _: sum(nats) / len(nats) / mean)
    by_hand(near, own, batches, per_token)

    assert distance(state(fresh), state(hand), start) < ROUNDING
    assert distance(state(near), state(hand), start) > 0.01
    assert done.loss == pytest.approx(np.mean(losses), rel=1e-5)


@pytest.mark.usefixtures("plain_gradient")
def test_weights_of_rows_whose_loss_is_per_row():
    """Weights k_i / mean(k) are a step on rows repeated k_i times, whatever the lengths."""
    rows, counts = texts(6, longest=12), [1, 3, 2, 5, 1, 4]
    own = encoder("llama")
    lengths = np.array([len(ids) - 1 for ids in own.encode(rows)])
    repeated = [row for row, k in zip(rows, counts, strict=True) for _ in range(k)]
    options = {"learning_rate": RATE, "warmup": 0.0, "steps": 1, "loss": "rows"}
    one, other = model("llama"), model("llama")
    start = state(one)
    weights = np.array(counts) / np.mean(counts)
    trained(one, "llama", rows, weights=weights, batch_size=2, accumulation=3, **options)
    trained(other, "llama", repeated, batch_size=16, **options)
    scale = np.average(lengths, weights=counts) / lengths.mean()  # both divide by a mean length
    wanted = {name: start[name] + scale * (w - start[name]) for name, w in state(other).items()}

    assert distance(state(one), wanted, start) < ROUNDING


@pytest.mark.parametrize(("batch_size", "accumulation"), [(6, 1), (2, 3)])
@pytest.mark.parametrize("loss", ["tokens", "rows"])
@pytest.mark.usefixtures("plain_gradient")
def test_steps_on_completions_alone(loss, batch_size, accumulation):
    """A step on six rows, of which 1 to 4 tokens are given; with their loss is a near miss."""
    import torch

    rows, given = texts(6, seed=3, longest=12), [1, 2, 3, 4, 1, 3]
    own, fresh, hand = encoder("llama"), model("llama"), model("llama")
    rows = [{"text": f"a bird can {row['text']}"} for row in rows]
    start = state(fresh)
    options = {"batch_size": batch_size, "accumulation": accumulation, "warmup": 0.0, "steps": 1}
    trained(fresh, "llama", rows, given=given, learning_rate=RATE, loss=loss, **options)
    nats, tokens = [], 0
    for ids, known in zip(own.encode(rows), given, strict=True):
        log_p = torch.log_softmax(hand(torch.tensor([ids])).logits[0, :-1], dim=-1)
        nats.append(-log_p[range(len(ids) - 1), ids[1:]][known - 1 :].sum())
        tokens += len(ids) - known
    gradients = torch.autograd.grad(sum(nats) / tokens, list(hand.parameters()))
    with torch.no_grad():
        for parameter, gradient in zip(hand.parameters(), gradients, strict=True):
            parameter.sub_(RATE * gradient)
    near = model("llama")
    trained(near, "llama", rows, learning_rate=RATE, loss=loss, **options)

    assert distance(state(fresh), state(hand), start) < ROUNDING
    assert distance(state(near), state(hand), start) > 100 * ROUNDING
    found = row_nats(model("llama"), own, own.encode(rows), given)
    assert found == pytest.approx([value.item() for value in nats], rel=1e-5)


def test_blocks_have_no_loss_per_row():
    """A block is no row."""
    with pytest.raises(InvalidInput, match="packed blocks are no rows"):
        Recipe(packed=True, loss="rows")


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.usefixtures("plain_gradient")
def test_accumulated_batches_are_whole_batches(family):
    """20 rows in steps of 8, 8 and 4: one at a time, or together."""
    rows = texts(20, longest=12)
    once, parts = (without_dropout(model(family)) for _ in range(2))
    start = state(once)
    options = {"learning_rate": RATE, "warmup": 0.0, "epochs": 2}
    whole = trained(once, family, rows, batch_size=8, accumulation=1, **options)
    cut = trained(parts, family, rows, batch_size=1, accumulation=8, **options)

    assert distance(state(parts), state(once), start) < ROUNDING
    assert whole.steps == cut.steps == 6
    assert whole.tokens == cut.tokens == 2 * sum(map(len, encoder(family).encode(rows)))
    assert whole.loss == pytest.approx(cut.loss, rel=1e-5)


@pytest.mark.parametrize("family", ["llama", "gpt2"])
@pytest.mark.usefixtures("plain_gradient")
def test_unit_weights_change_nothing(family):
    """With the weight 1 for every row the steps are those without weights."""
    rows = texts(20, longest=12)
    without, unit = (without_dropout(model(family)) for _ in range(2))
    start = state(without)
    options = {"learning_rate": RATE, "warmup": 0.0, "batch_size": 2, "accumulation": 4}
    plain = trained(without, family, rows, **options)
    weighted = trained(unit, family, rows, weights=[1.0] * 20, **options)

    assert distance(state(unit), state(without), start) < ROUNDING
    assert weighted.loss == pytest.approx(plain.loss, rel=1e-5)


@pytest.mark.parametrize("rows", [EQUAL, texts(6, longest=12)], ids=["equal", "different"])
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.usefixtures("plain_gradient")
def test_weights_are_repetitions(family, rows):
    """A step on rows with weights k_i / mean(k) is one on rows repeated k_i times.

    Sum of w_i nats_i over sum of T_i against sum of k_i nats_i over sum of k_i T_i: the directions
    are the same, and the lengths too, times sum of w_i T_i over sum of T_i, which is 1 for rows of
    equal lengths.
    """
    own, counts = encoder(family), [1, 3, 2, 5, 1, 4]
    weights = np.array(counts) / np.mean(counts)
    lengths = np.array([len(ids) - 1 for ids in own.encode(rows)])
    assert (len(set(lengths)) == 1) == (rows is EQUAL)
    repeated = [row for row, k in zip(rows, counts, strict=True) for _ in range(k)]
    options = {"learning_rate": RATE, "warmup": 0.0, "steps": 1}
    one, other = (without_dropout(model(family)) for _ in range(2))
    start = state(one)
    trained(one, family, rows, weights=weights, batch_size=2, accumulation=3, **options)
    trained(other, family, repeated, batch_size=16, **options)
    scale = (weights * lengths).sum() / lengths.sum()
    wanted = {name: start[name] + scale * (w - start[name]) for name, w in state(other).items()}

    assert distance(state(one), wanted, start) < ROUNDING


@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_the_same_seed_gives_the_same_bits(family):
    """Order and dropout come from the seed alone; another seed gives other weights."""
    results = []
    for seed, global_seed in ((0, 1), (0, 2), (1, 1)):
        with backend.seeded(global_seed):
            random.seed(global_seed)
            np.random.seed(global_seed)  # noqa: NPY002
            fresh = model(family)
            trained(fresh, family, seed=seed)
            results.append(state(fresh))

    assert same_state(results[0], results[1])
    assert not same_state(results[0], results[2])


def test_dropout_is_drawn_with_the_seed():
    """One batch of all rows has no order: what differs between seeds is GPT-2's dropout."""
    rows = texts(8)
    options = {"batch_size": 8, "steps": 2, "warmup": 0.0}
    results, losses = [], []
    for change, seed in (
        (lambda m: m, 0),
        (lambda m: m, 0),
        (lambda m: m, 1),
        (without_dropout, 0),
    ):
        fresh = change(model("gpt2"))
        losses.append(trained(fresh, "gpt2", rows, seed=seed, **options).loss)
        results.append(state(fresh))

    assert same_state(results[0], results[1])
    assert len({round(loss, 5) for loss in losses}) == 3
    assert losses[0] == losses[1]


def draw_and_fail():
    """Use every generator, and fail."""
    import torch

    with backend.seeded(3):
        random.random()  # noqa: S311
        np.random.rand()  # noqa: NPY002
        torch.rand(1)
        raise ZeroDivisionError


def test_the_callers_generators_are_left_alone():
    """The states of Python, NumPy and PyTorch are as before, whatever happens."""
    import torch

    def states():
        return generators.state(), torch.get_rng_state().tolist()

    fresh, before = model("gpt2"), states()
    trained(fresh, "gpt2")
    assert states() == before
    with pytest.raises(ZeroDivisionError):
        draw_and_fail()
    assert states() == before


@pytest.mark.parametrize("family", FAMILIES)
def test_labels_hide_padding_alone(family):
    """Even where the padding is the end: the end of each row is a label, what follows is none."""
    own = encoder(family)
    examples = own.encode(texts(6, longest=12))
    batch = Collator(own.padding)(
        [{"input_ids": ids, "length": len(ids), "weight": 0.5} for ids in examples]
    )

    assert batch["input_ids"].shape == (6, max(map(len, examples)))
    for i, ids in enumerate(examples):
        n = len(ids)
        assert batch["input_ids"][i, :n].tolist() == ids
        assert set(batch["input_ids"][i, n:].tolist()) <= {own.padding}
        assert batch["attention_mask"][i].tolist() == [
            k < n for k in range(max(map(len, examples)))
        ]
        assert batch["labels"][i, 1:n].tolist() == ids[1:]
        assert set(batch["labels"][i, n:].tolist()) <= {-100}
    assert batch["weight"].tolist() == [0.5] * 6
    assert "weight" not in Collator(own.padding)([{"input_ids": [1, 2]}])


@pytest.mark.parametrize("family", FAMILIES)
def test_the_end_is_learned(family):
    """What ends every row is followed by the end, whatever the padding is."""
    import torch

    fresh, own = model(family), encoder(family)
    rows = [{"text": "hat"}, {"text": "bird hat"}, {"text": "can fine good bird hat"}] * 6
    done = trained(fresh, family, rows, steps=60)
    (ids,) = own.encode([{"text": "hat"}])
    fresh.eval()
    with torch.no_grad():
        p = torch.softmax(fresh(torch.tensor([ids])).logits[0, -2], dim=-1)

    assert p[own.end] > 0.5
    assert done.loss < 3


@pytest.mark.parametrize(
    ("options", "steps"),
    [
        ({"epochs": 1}, 5),
        ({"epochs": 3}, 15),
        ({"epochs": 0.5}, 3),
        ({"epochs": 0.1}, 1),
        ({"epochs": 3, "steps": 2}, 2),
        ({"steps": 7}, 7),
        ({"batch_size": 3, "accumulation": 5}, 3),
        ({"packed": True}, None),
    ],
)
def test_numbers_of_steps_and_tokens(options, steps):
    """Of 40 rows, 8 per step: epochs, or steps instead; each row counts once per epoch."""
    own, told = encoder("llama"), []
    examples = own.encode(texts(40))
    lengths = list(map(len, examples))
    if options == {"packed": True}:
        blocks = own.blocks(examples)
        lengths = list(map(len, blocks))
        assert sum(lengths) - sum(map(len, examples)) in {0, -1}
        assert set(lengths[:-1]) == {24}
        steps = -(-len(blocks) // 8)
    fresh = model("llama")
    recipe = Recipe(**{**TINY.described(), **options})
    with backend.quiet():
        done = training.fine_tune(fresh, own, examples, recipe, 0, advance=told.append)

    assert done.steps == steps
    assert told == [k / steps for k in range(1, steps + 1)]
    assert done.seconds > 0
    per_step = recipe.batch_size * recipe.accumulation
    if "steps" in options or options.get("epochs", 1) < 1:
        share = steps * per_step / 40
        assert done.tokens == pytest.approx(sum(lengths) * share, rel=0.15)
    else:
        assert done.tokens == sum(lengths) * options.get("epochs", 1)


@pytest.mark.parametrize("schedule", ["constant", "linear"])
@pytest.mark.parametrize(("warmup", "rising"), [(0.0, 0), (0.1, 4), (0.25, 10)])
def test_the_learning_rate_rises_and_stays_or_falls(monkeypatch, warmup, rising, schedule):
    """Linearly from 0 in the first share of 40 steps, then constant, or to 0 at the end."""
    from modelcollapse.language import trainer

    rates = []

    def record(self, args, state, control, optimizer=None, **_):
        del self, args, state, control
        rates.append(optimizer.param_groups[0]["lr"])

    monkeypatch.setattr(trainer.Progress, "on_step_begin", record)
    options = {"steps": 40, "warmup": warmup, "learning_rate": 0.01, "schedule": schedule}
    recipe = Recipe(**{**TINY.described(), **options})
    own = encoder("llama")
    with backend.quiet():
        fresh, examples = model("llama"), own.encode(texts(8))
        training.fine_tune(fresh, own, examples, recipe, 0, advance=lambda _: None)

    left = [1.0 if schedule == "constant" else (40 - k) / (40 - rising) for k in range(40)]
    shares = [min(share, k / rising if rising else 1) for k, share in enumerate(left)]
    assert rates == pytest.approx([0.01 * share for share in shares])


@pytest.mark.parametrize("steps", [1, 2])
def test_a_short_training_trains(steps):
    """The warm-up is a share of the steps, so that it does not swallow the only one."""
    fresh = model("llama")
    start = state(fresh)
    trained(fresh, "llama", steps=steps, warmup=0.05)

    assert not same_state(state(fresh), start)


def test_precision_changes_the_computation_and_not_the_weights():
    """Under bfloat16 the weights stay float32, and the next training is in float32 again."""
    import torch

    results = []
    for precision in ("float32", "bfloat16", "float32"):
        fresh = model("llama")
        trained(fresh, "llama", precision=precision)
        results.append(state(fresh))

    assert all(w.dtype == torch.float32 for w in results[1].values())
    assert same_state(results[0], results[2])
    assert not same_state(results[0], results[1])
    assert max((results[0][n] - results[1][n]).abs().max() for n in results[0]) < 0.05


def test_nothing_is_left_in_the_scratch_folder(tmp_path, capsys):
    """The Trainer's files are removed, and nothing is printed."""
    own = encoder("llama")
    fresh = model("llama")
    with backend.quiet():
        training.fine_tune(fresh, own, own.encode(texts(20)), TINY, 0, scratch=tmp_path)

    assert list(tmp_path.iterdir()) == []
    assert capsys.readouterr() == ("", "")


def test_visible_gpus_do_not_change_the_recipe(monkeypatch):
    """A process that sees 8 of them takes the steps that are announced, 8 rows each."""
    library = importlib.import_module("transformers")

    class Eight(library.TrainingArguments):
        """What `torch.cuda.device_count` says is read when the arguments are made."""

        def __post_init__(self):
            super().__post_init__()
            self._n_gpu = 8

    monkeypatch.setattr(library, "TrainingArguments", Eight)
    done = trained(model("llama"), "llama", texts(64), batch_size=8)

    assert Eight(use_cpu=True, per_device_train_batch_size=8).train_batch_size == 64
    assert done.steps == training.planned_steps(64, TINY) == 8


@pytest.mark.parametrize(
    ("environment", "kind"),
    [
        ({"ACCELERATE_USE_FSDP": "true"}, "FSDP"),
        ({"ACCELERATE_USE_MEGATRON_LM": "true"}, "Megatron-LM"),
        ({"ZERO_STAGE": "3"}, "stage 3 of DeepSpeed's ZeRO"),
        ({"CONFIG_FILE": '{"zero_optimization": {"stage": 3}}'}, "stage 3 of DeepSpeed's ZeRO"),
        ({"CONFIG_FILE": "no JSON"}, "stage 3 of DeepSpeed's ZeRO"),
        ({"CONFIG_FILE": '{"zero_optimization": {"stage": 2}}'}, None),
        ({"CONFIG_FILE": "{}"}, None),
        ({"ZERO_STAGE": "2"}, None),
        ({}, None),
    ],
)
def test_weights_in_pieces_are_refused(monkeypatch, tmp_path, environment, kind):
    """What ``accelerate launch`` sets in the environment says it, before anything is loaded."""
    for name, value in environment.items():
        if name == "CONFIG_FILE":
            (tmp_path / "deepspeed.json").write_text(value)
            value = str(tmp_path / "deepspeed.json")  # noqa: PLW2901
        full = name if name.startswith("ACCELERATE") else f"ACCELERATE_DEEPSPEED_{name}"
        monkeypatch.setenv(full, value)
        monkeypatch.setenv("ACCELERATE_USE_DEEPSPEED", str(full != name).lower())
    if kind is None:
        backend.require_whole_weights()
        return
    with pytest.raises(InvalidInput, match=f"{kind} leaves each process a part of the weights"):
        prepare(settings(model="no such model"))
