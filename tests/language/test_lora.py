"""Low-rank adapters: what is trained, that they are merged, and what is refused."""

import importlib.util
from dataclasses import replace
from pathlib import Path

import pytest

from modelcollapse import InvalidInput, Replace
from modelcollapse._support.errors import MissingDependency
from modelcollapse.cli.language.options import ModelOptions
from modelcollapse.language import Recipe, Results, backend, lora, run
from modelcollapse.language.base import Base
from modelcollapse.language.loop import check_memory
from modelcollapse.language.lora import adapted, check_adapter, merged
from modelcollapse.language.settings import prepare
from modelcollapse.language.shipped import TransformersTrainer
from tests.helpers.language_models import (
    FAMILIES,
    TINY,
    encoder,
    folder,
    offline,  # noqa: F401
    options,
    same_state,
    settings,
    state,
    texts,
)
from tests.helpers.language_parts import Trainer

pytestmark = pytest.mark.language
needs_peft = pytest.mark.skipif(importlib.util.find_spec("peft") is None, reason="needs peft")
ADAPTER = {"r": 4, "lora_alpha": 8, "target_modules": "all-linear"}
RANK_4 = 1216  # weights of such adapters of the small layer, but GPT-2's


def trained(family, **changes):
    """Return the base trained on a few rows."""
    rows = encoder(family).encode(texts(40))
    recipe = replace(TINY, **{"steps": 4, "lora": ADAPTER, **changes})
    with backend.quiet():
        return TransformersTrainer().train(
            Base(str(folder(family))), rows, recipe, weights=None, seed=3, folder=Path("/absent")
        )


@needs_peft
@pytest.mark.parametrize("family", FAMILIES)
def test_adapters_are_merged_into_the_matrices_alone(family):
    """The model is one of the base's class and weights; each change has the adapters' rank."""
    torch = pytest.importorskip("torch")
    found = trained(family).loaded
    with backend.quiet():
        fresh = Base(str(folder(family))).model(0)
    before, after = state(fresh), state(found)
    changed = [name for name in before if not torch.equal(before[name], after[name])]

    assert type(found) is type(fresh)
    assert before.keys() == after.keys()
    assert len(changed) == (4 if family == "gpt2" else 7)
    for name in changed:
        singular = torch.linalg.svdvals((after[name] - before[name]).double())
        assert singular[3] > 0
        assert singular[4:].max() < 1e-5 * singular[0]
    with backend.quiet():
        assert same_state(after, state(trained(family).loaded))


@needs_peft
@pytest.mark.parametrize("family", FAMILIES)
def test_the_merged_model_is_the_adapted_one(family):
    """Up to rounding, whatever the adapters are; and another model than the base."""
    torch = pytest.importorskip("torch")
    ids = torch.tensor(encoder(family).encode(texts(1, longest=9)))
    with backend.quiet(), backend.seeded(0), torch.no_grad():
        fresh = Base(str(folder(family))).model(0).eval()
        base = fresh(ids).logits
        made = adapted(fresh, {**ADAPTER, "init_lora_weights": False}).eval()
        beside = made(ids).logits
        whole = merged(made).eval()(ids).logits

    assert torch.allclose(beside, whole, rtol=1e-4, atol=1e-5)
    assert (beside - base).abs().max() > 0.01


@needs_peft
def test_the_trainers_other_arguments():
    """Checkpoints of activations change nothing; the loss of rows does, and longer training."""
    plain = trained("llama")
    checkpointed = trained("llama", training={"gradient_checkpointing": True})
    losses = [trained("llama", **c).training.loss for c in ({"loss": "rows"}, {"steps": 30})]

    assert checkpointed.training.loss == pytest.approx(plain.training.loss, rel=1e-6)
    assert losses[0] != plain.training.loss
    assert losses[1] < plain.training.loss


@needs_peft
@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"target_modules": ["nope"]}, "'nope'} not found .*in target_modules are .*q_proj"),
        ({"target_modules": "q_proj,v_proj"}, "in target_modules are .*q_proj"),
        ({"r": 0}, "peft refuses it: .*positive"),
        ({"rank": 8}, "unknown lora argument 'rank'; did you mean .*rank_pattern"),
        ({"target_modules": ["lm_head"]}, "others, such as|peft refuses it: .*tie_word_embeddings"),
        ({"modules_to_save": ["lm_head"]}, "cannot be made a whole one .*two modules share"),
        ({"layer_replication": [[0, 1], [0, 1]]}, "cannot be made a whole one .*other layers"),
    ],
)
def test_adapters_that_cannot_be_trained_or_merged(wrong, message):
    """Known before a weight is loaded, with the modules that there are; the base stays as it is."""
    base = Base(str(folder()))
    with pytest.raises(InvalidInput, match=message) as caught:
        check_adapter(base, wrong)

    assert "\n" not in str(caught.value)
    assert base.config.num_hidden_layers == 1
    assert check_adapter(base, ADAPTER) == RANK_4
    assert check_adapter(base, {**ADAPTER, "init_lora_weights": "pissa"}) == RANK_4


@needs_peft
def test_a_loop_of_adapters(tmp_path, monkeypatch):
    """What is kept is a whole model; other adapters, or none, are another run."""
    said, told = settings(recipe={"lora": ADAPTER}), []
    how = {"workflows": [Replace()], "generations": 2, "options": options("last")}
    path = run(said, tmp_path / "run", **how, announce=told.append)
    kept = Results.read(path).places["replace", 0, 2] / "model"

    assert "adapters of 1,216 weights are trained, and merged" in told[0]
    assert (kept / "model.safetensors").exists()
    assert not list(kept.glob("adapter*"))
    assert '"peft"' in (path / "run.json").read_text()
    with backend.quiet():
        loaded, base = state(Base(str(kept)).model(0)), state(Base(str(folder())).model(0))
    assert loaded.keys() == base.keys()
    for other in (None, {**ADAPTER, "r": 2}):
        with pytest.raises(InvalidInput, match=r"holds another run: recipe\.lora is"):
            run(settings(recipe={"lora": other}), path, **how)

    needed = []
    monkeypatch.setattr("modelcollapse.language.loop.require", lambda size, _: needed.append(size))
    for recipe in ({}, {"lora": ADAPTER}):
        check_memory(prepare(settings(recipe=recipe)), 1)
    every = prepare(said).base.parameters()
    assert needed == [16 * every, 4 * (every + 3 * RANK_4)]


@needs_peft
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"trainer": Trainer()}, "a trainer of one's own trains what it likes"),
        ({"from_scratch": True}, "random weights are nothing to adapt"),
    ],
)
def test_settings_without_anything_to_adapt(changes, message):
    """Refused before anything is trained."""
    with pytest.raises(InvalidInput, match="lora = .*" + message):
        prepare(settings(recipe={"lora": {}}, **changes))


def test_adapters_without_peft(monkeypatch):
    """What to install is said."""
    real = importlib.util.find_spec
    monkeypatch.setattr(
        lora.importlib.util, "find_spec", lambda n: real(n) if n != "peft" else None
    )
    with pytest.raises(MissingDependency, match=r"LoRA needs peft.*pip install '\.\[lora\]'"):
        prepare(settings(recipe={"lora": {}}))


def test_adapters_of_a_recipe():
    """Plain data, of which the loop says a part; none is another thing than peft's defaults."""
    assert Recipe().lora is None
    assert Recipe(lora={}).described()["lora"] == {}
    assert Recipe(lora={"r": 2, "target_modules": ("q",)}).lora == {"r": 2, "target_modules": ["q"]}
    for wrong, message in (
        ({"task_type": "SEQ_CLS"}, "lora: task_type is said by the loop"),
        ({"r": object()}, "plain data"),
        ([("r", 8)], "names and values of LoraConfig"),
    ):
        with pytest.raises(InvalidInput, match=message):
            Recipe(lora=wrong)


def test_adapters_on_the_command_line(tmp_path):
    """Names and values, or a file of them."""
    file = tmp_path / "adapter.json"
    file.write_text('{"target_modules": ["q_proj", "v_proj"]}')
    recipe = ModelOptions(lora=("r=8", "lora_alpha=16", str(file))).build().recipe

    assert recipe.lora == {"r": 8, "lora_alpha": 16, "target_modules": ["q_proj", "v_proj"]}
    assert ModelOptions().build().recipe.lora is None
    with pytest.raises(InvalidInput, match="lora: r is given twice"):
        ModelOptions(lora=("r=8", "r=4")).build()
