"""More arguments of the Trainer: passed on, part of the run, and refused by name."""

import pytest

from modelcollapse import InvalidInput
from modelcollapse.language import Recipe, training
from modelcollapse.language.arguments import check_arguments, parse
from modelcollapse.language.settings import prepare
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
CHECKPOINTED = {"gradient_checkpointing": True}


@pytest.mark.parametrize("family", FAMILIES)
def test_gradient_checkpointing_changes_memory_and_not_the_model(family):
    """Activations are computed again, once per step: the weights are the same."""
    torch = pytest.importorskip("torch")
    rows, plain, checkpointed = texts(8), model(family), model(family)
    calls = {plain: 0, checkpointed: 0}

    def watch(fresh):
        def count(*_):
            calls[fresh] += 1

        inner = next(m for name, m in fresh.named_modules() if name.endswith("mlp"))
        inner.register_forward_pre_hook(count)

    for fresh, more in ((plain, {}), (checkpointed, CHECKPOINTED)):
        watch(fresh)
        trained(fresh, family, rows, steps=2, training=more)
    found = list(calls.values())
    own = encoder(family).encode(rows[:1])[0]
    with torch.no_grad():
        logits = [m.eval()(torch.tensor([own])).logits for m in (plain, checkpointed)]

    assert found == [2, 4]
    for name, tensor in state(plain).items():
        assert torch.allclose(tensor, state(checkpointed)[name], rtol=1e-5, atol=1e-7)
    assert torch.allclose(*logits, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "habit",
    [
        {"lr_scheduler_type": "cosine"},
        {"weight_decay": 0.5},
        {"optim": "adafactor"},
        {"max_grad_norm": 1e-3},
        {"adam_beta2": 0.5},
        {"neftune_noise_alpha": 5.0},
    ],
)
def test_habits_that_the_page_says_were_tried(habit):
    """Each makes another model than the recipe alone, and the same one every time."""
    found = []
    for more in ({}, habit, habit):
        fresh = model("llama")
        trained(fresh, "llama", texts(16), steps=4, training=more)
        found.append(state(fresh))

    assert not same_state(found[0], found[1])
    assert same_state(found[1], found[2])
    assert found[1].keys() == found[0].keys()


def test_arguments_reach_the_trainer_and_the_run(tmp_path):
    """They come after the recipe's own, and a run with others is another run."""
    more = {"lr_scheduler_type": "cosine", "weight_decay": 0.5, "logging_steps": 3}
    setup = prepare(settings(recipe={"training": more}))
    made = training._arguments(setup.recipe, 24, 7, str(tmp_path), {"report_to": "none"})

    assert made.lr_scheduler_type == "cosine"
    assert (made.weight_decay, made.logging_steps) == (0.5, 3)
    assert (made.seed, made.per_device_train_batch_size) == (7, TINY.batch_size)
    assert setup.described()["recipe.training"] == more
    assert prepare(settings()).described()["recipe.training"] == {}
    assert hash(setup.recipe) != hash(Recipe())


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("output_dir", "give output"),
        ("seed", "say it by seeds"),
        ("max_steps", "say it by steps"),
        ("num_train_epochs", "say it by epochs"),
        ("per_device_train_batch_size", "say it by batch_size"),
        ("gradient_accumulation_steps", "say it by accumulation"),
        ("learning_rate", "say it by learning_rate"),
        ("bf16", "say it by precision"),
        ("save_steps", "see keep"),
        ("hub_token", "see keep"),
        ("report_to", "say it by report_to"),
        ("eval_strategy", "see held_out and metrics"),
        ("deepspeed", "saved whole here"),
    ],
)
def test_what_the_loop_says_is_refused_by_name(name, remedy):
    """With the option that says it here."""
    with pytest.raises(InvalidInput, match=rf"training: {name} is .*{remedy}"):
        Recipe(training={name: 1})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"gradient_chekpointing": True}, "did you mean gradient_checkpointing"),
        ({"gradient_checkpointing": "yes"}, "give true or false"),
        ({"weight_decay": "small"}, "give a number"),
        ({"lr_scheduler_type": "fast"}, "transformers refuses"),
    ],
)
def test_what_transformers_does_not_take(given, message):
    """Is known before anything is loaded or trained."""
    with pytest.raises(InvalidInput, match=message):
        check_arguments(given)


def test_values_are_plain_data():
    """As they go into the folder of the run."""
    for wrong in ({"optim": object()}, {"weight_decay": float("nan")}):
        with pytest.raises(InvalidInput, match="plain data"):
            Recipe(training=wrong)
    with pytest.raises(InvalidInput, match="names and values"):
        Recipe(training=[("weight_decay", 0.1)])


def test_arguments_are_parsed(tmp_path):
    """Numbers, truth values and names; and all of a file."""
    file = tmp_path / "more.json"
    file.write_text('{"optim_args": "a=b", "max_grad_norm": 2}')
    given = ["weight_decay=0.1", "gradient_checkpointing=true", "optim=adafactor", str(file)]

    assert parse(given) == {
        "weight_decay": 0.1,
        "gradient_checkpointing": True,
        "optim": "adafactor",
        "optim_args": "a=b",
        "max_grad_norm": 2,
    }
    with pytest.raises(InvalidInput, match="weight_decay is given twice"):
        parse(["weight_decay=1", "weight_decay=2"])
    file.write_text("[1]")
    with pytest.raises(InvalidInput, match="holds no names and values"):
        parse([str(file)])
