"""The small checkpoints that are built here."""

import json
from pathlib import Path

import pytest

from modelcollapse._support.errors import InvalidInput
from modelcollapse.language import checkpoints
from modelcollapse.language.checkpoints import FAMILIES, build, names, resolve
from modelcollapse.language.corpus import load_corpus
from tests.helpers.language_models import offline, same_state

__all__ = ["offline"]
pytestmark = pytest.mark.language


@pytest.fixture(autouse=True)
def short(monkeypatch, tmp_path):
    """Pre-train on a few rows, and keep what is built in a folder of the test."""
    monkeypatch.setattr(checkpoints, "ROWS", 64)
    monkeypatch.setattr(checkpoints, "topic_rows", lambda: TOPICS)
    monkeypatch.setenv("MODELCOLLAPSE_CACHE", str(tmp_path / "cache"))


TOPICS = [{"prompt": f"topic {i}", "response": f"a paragraph on topic {i}."} for i in range(20)]


@pytest.mark.parametrize("family", FAMILIES)
def test_families_are_built_and_loaded_like_any_other(tmp_path, family):
    """A built checkpoint is one of transformers: safetensors, a tokenizer that ends rows."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = build(family, tmp_path / "built")
    model = AutoModelForCausalLM.from_pretrained(folder, use_safetensors=True)
    tokenizer = AutoTokenizer.from_pretrained(folder)

    assert model.config.model_type == family
    assert tokenizer.eos_token_id == model.config.eos_token_id is not None
    assert not list(folder.glob("*.bin"))
    text = "user: where is the fox?\nassistant: the fox is in the barn. Ünïcode 🦊"
    assert tokenizer.decode(tokenizer(text, add_special_tokens=False)["input_ids"]) == text
    assert json.loads((folder / "modelcollapse.json").read_text())["rows"] > 0


def test_the_same_seed_builds_the_same_weights(tmp_path):
    """And another seed others."""
    from transformers import AutoModelForCausalLM

    models = [
        AutoModelForCausalLM.from_pretrained(build("llama", tmp_path / str(i), seed=seed))
        for i, seed in enumerate((0, 0, 1))
    ]
    states = [model.state_dict() for model in models]

    assert same_state(states[0], states[1])
    assert not same_state(states[0], states[2])


def test_a_name_is_built_once(tmp_path):
    """The second time the kept one is found; other names are left as they are."""
    folder = resolve("tiny-llama")
    before = (tmp_path / "cache").stat().st_mtime_ns

    assert resolve("tiny-llama") == folder
    assert (tmp_path / "cache").stat().st_mtime_ns == before
    assert resolve("org/model") == "org/model"
    file = Path(folder) / "tokenizer.json"
    whole, data = file.read_bytes(), bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    assert resolve("tiny-llama") == folder  # built again
    assert file.read_bytes() == whole
    assert names() == tuple(f"tiny-{family}" for family in FAMILIES)


def test_an_interrupted_building_leaves_nothing(tmp_path):
    """Neither the folder nor a half-written one beside it."""

    def stop(share):
        del share
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        resolve("tiny-gpt2", stop)

    assert list((tmp_path / "cache").iterdir()) == []


def test_wrong_names_and_folders(tmp_path):
    """What exists is never overwritten, and a misspelled name is corrected."""
    (tmp_path / "there").mkdir()
    with pytest.raises(InvalidInput, match="there' exists: give a new folder"):
        build("llama", tmp_path / "there")
    with pytest.raises(InvalidInput, match="unknown family 'lama'; did you mean llama"):
        build("lama", tmp_path / "new")
    with pytest.raises(InvalidInput, match=r"unknown model 'tiny-gema2'; did you mean tiny-gemma2"):
        resolve("tiny-gema2")
    assert not (tmp_path / "new").exists()


def test_held_out_topics_are_not_trained_on(monkeypatch):
    """The held-out rows of "topics" are held out of the pre-training too."""
    monkeypatch.undo()
    monkeypatch.setattr(checkpoints, "ROWS", 1)
    seen = {row["response"] for row in checkpoints.pretraining_rows(0)}

    assert seen.isdisjoint(row["response"] for row in load_corpus("topics").held_out)
