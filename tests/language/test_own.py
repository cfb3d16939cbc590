"""Samplers, trainers, templates and metrics of one's own in a loop."""

import json
from dataclasses import dataclass, replace

import numpy as np
import pytest

from modelcollapse import Accumulate, InvalidInput, KeepReal, Replace
from modelcollapse._support.sealed import read_json, read_table
from modelcollapse.cli import main
from modelcollapse.language import (
    Options,
    Results,
    Settings,
    backend,
    load_corpus,
    run,
)
from modelcollapse.language.base import Base
from modelcollapse.language.evaluation import row_nats
from modelcollapse.language.report import tables, write_samples
from modelcollapse.language.settings import prepare
from modelcollapse.language.value import value
from tests.helpers.language_models import WORDS, folder, lines, offline, options, settings
from tests.helpers.language_parts import Sampler, Sums, Trainer, fails, letters, sums, taken

__all__ = ["offline"]
pytestmark = pytest.mark.language

SEED = 3


def go(output, *workflows, keep="none", announce=None, generations=2, **changes):
    """Run a small loop with parts of one's own."""
    return run(
        replace(settings(), **changes),
        output,
        workflows=workflows or (Replace(),),
        generations=generations,
        seeds=(SEED,),
        options=options(keep),
        announce=announce,
    )


def place(output, chain, t):
    """Return the folder of a generation."""
    return output / f"seed-{SEED}" / chain / f"generation-{t:03}"


def test_a_sampler_of_ones_own(tmp_path):
    """It samples from the saved model, with the seeds of the loop; no model stays."""
    output = go(tmp_path / "run", sampler=Sampler())
    found = read_json(place(output, "real", 1) / "metrics.json")
    about = read_json(output / "run.json")["configuration"]

    assert found["outcome"] == "completed"
    assert len(Results.read(output).samples("replace", SEED, 2)) == 24
    assert "sampler_divergence" not in found
    assert not list(output.rglob("model"))
    assert about["sampler"]["is"]["class"] == "tests.helpers.language_parts.Sampler"
    assert about["sampler"]["code"]
    assert "trainer" not in about


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("rows", r"it returned 25 rows for 26 prompts; return one for each"),
        ("tokens", r"row 0 has the token 10000, and the model's are 0 to 29\d"),
        ("end", r"row \d has 1 tokens, none of them the end, \d+, and 23 would fit"),
    ],
)
def test_what_a_sampler_may_not_return(tmp_path, fault, message):
    """The sampler is named, and what it should return; nothing half-written is left."""
    with pytest.raises(InvalidInput, match=r"sampler = Sampler\(fault=.*" + message):
        go(tmp_path / "run", sampler=Sampler(fault))

    assert not list(tmp_path.rglob("*.partial"))


def test_a_trainer_of_ones_own(tmp_path):
    """Its folder is judged and sampled like any other, and kept as models are."""
    output = go(tmp_path / "run", Accumulate(), keep="last", trainer=Trainer())
    found = read_json(place(output, "accumulate", 2) / "metrics.json")
    setup = prepare(settings())
    kept = Base(str(place(output, "accumulate", 2) / "model")).model(0)
    nats = row_nats(kept, setup.encoder, setup.held_out_examples)

    assert read_table(place(output, "accumulate", 2) / "held_out.parquet")["nats"].to_list() == (
        nats.tolist()
    )
    assert found["training_tokens"] > 0
    assert "steps" not in found
    assert [path.parent.name for path in output.rglob("model")] == ["generation-002"]
    with pytest.raises(InvalidInput, match="it cannot weight rows; choose another workflow"):
        go(tmp_path / "weighted", KeepReal(0.25), trainer=Trainer())


def test_a_trainer_in_a_grid(tmp_path):
    """Cells are trained by it too; the one without rows is the base."""
    output = value(
        replace(settings(samples=None), trainer=Trainer()),
        tmp_path / "grid",
        real=(0, 8),
        synthetic=(0,),
        options=options(),
    )
    cells = [read_json(output / f"seed-0/cell-r{r}-s0/metrics.json") for r in (0, 8)]

    assert [cell.get("steps") for cell in cells] == [0, None]
    assert cells[0]["loss"] != cells[1]["loss"]
    assert not list(output.rglob("model"))


@dataclass
class Another(Sampler):
    """The same with other code."""

    def sample(self, model, prompts, **limits):
        """Sample otherwise."""
        return super().sample(model, [*prompts], **limits)


def test_a_run_belongs_to_its_parts(tmp_path):
    """Another part, or one with other code or other options, does not go on with it."""
    output = go(tmp_path / "run", generations=1, sampler=Sampler(), metrics=[letters])
    before = {path: path.stat().st_mtime_ns for path in output.rglob("*") if path.name != "lock"}
    for changes, name in (
        ({"metrics": [letters]}, "sampler"),
        ({"sampler": Sampler("rows"), "metrics": [letters]}, "sampler"),
        ({"sampler": Another(), "metrics": [letters]}, "sampler"),
        ({"sampler": Sampler(), "metrics": [letters, fails]}, "metrics"),
        ({"sampler": Sampler(), "metrics": [letters], "trainer": Trainer()}, "trainer"),
    ):
        with pytest.raises(InvalidInput, match=f"holds another run: {name} is "):
            go(output, generations=1, **changes)
    go(output, generations=1, sampler=Sampler(), metrics=(letters,))

    assert before == {p: p.stat().st_mtime_ns for p in output.rglob("*") if p.name != "lock"}


def test_metrics_of_ones_own(tmp_path, monkeypatch):
    """Their numbers are among the loop's, and the tracker hears of them.

    One that fails or takes a name that is taken costs its own numbers alone.
    """
    from transformers import TrainerCallback, integrations

    heard = []

    class Tracker(TrainerCallback):
        def on_log(self, args, state, control, logs=None, **_):
            del control
            heard.append((args.run_name, state.global_step, logs))

    monkeypatch.setitem(integrations.INTEGRATION_TO_CALLBACK, "tensorboard", Tracker)
    monkeypatch.setattr(
        integrations, "get_available_reporting_integrations", lambda: ["tensorboard"]
    )
    said = []
    output = run(
        replace(settings(), metrics=(letters, fails, taken)),
        tmp_path / "run",
        workflows=[Replace()],
        generations=2,
        seeds=[SEED],
        options=Options(keep="none", threads=1, report_to="tensorboard"),
        announce=said.append,
    )
    results = Results.read(output)
    found = results.records["replace", SEED, 2]
    rows = results.samples("replace", SEED, 2)
    rng = np.random.default_rng([SEED, backend.METRIC, 2])
    logged = {
        name: numbers
        for *name, numbers in heard
        if "generation/loss" in numbers
        for name in [tuple(name)]
    }
    told = logged["replace, seed 3, generation 2 of run", 2]

    assert found["letters"] == sum(len(row["text"]) for row in rows) / 24
    assert found["noise"] == rng.random()
    assert found["tokens"] == sum(map(len, results.token_ids("replace", SEED, 2)))
    assert found["loss"] != 1.0
    assert [line.partition(":")[0] for line in found["failed_metrics"]] == ["fails", "taken"]
    assert any("metrics failed: fails: ZeroDivisionError: in generation 2" in line for line in said)
    assert {"letters", "noise", "tokens"} <= set(results.metrics)
    assert told["generation/letters"] == found["letters"]
    assert told["generation/acceptance"] == found["acceptance"]
    assert len(logged) == 2


@pytest.fixture(scope="module")
def questions(tmp_path_factory):
    """Return a file of questions and solutions, no two of them equal."""
    path = tmp_path_factory.mktemp("data") / "questions.jsonl"
    rows = [{"question": a, "solution": b} for a in WORDS for b in WORDS]
    path.write_text("".join(json.dumps({**row, "level": 1}) + "\n" for row in rows))
    return path


def test_a_template_of_ones_own(tmp_path, questions):
    """Its columns are the data's, and rows are written and read by it."""
    said = {"data": str(questions), "template": sums}
    recipe = replace(settings().recipe, learning_rate=1e-2, epochs=10, least_acceptance=1e-3)
    output = go(tmp_path / "run", **said, recipe=recipe)
    results, known = Results.read(output), Results.read(output, sums)
    rows = results.samples("replace", SEED, 2)
    tokens = prepare(replace(settings(), **said)).encoder.tokenizer
    ids = results.token_ids("replace", SEED, 2)

    assert all(tuple(row) == ("question", "solution") for row in rows)
    assert [sums.read(tokens.decode(one[1:-1])) for one in ids] == rows
    assert known.reference(SEED, 24)["words"] == 4
    with pytest.raises(InvalidInput, match=r"a template of its own: give it, Results.read\(path"):
        results.reference(SEED)
    for found in (results, known):
        write_samples(found, tmp_path / "samples.md")
        assert rows[0]["question"] in (tmp_path / "samples.md").read_text()
        assert tables(found)


def test_columns_of_a_template(questions):
    """Those of the data, or named ones in their order; built-in data have their own."""
    corpus = load_corpus(questions, template=sums)
    turned = load_corpus(questions, template=sums, columns=("solution", "question"))

    assert corpus.template is sums
    assert turned.train[0] == dict(
        zip(sums.columns, reversed(corpus.train[0].values()), strict=True)
    )
    assert "columns not used: level" in corpus.notes
    with pytest.raises(InvalidInput, match="the template has question, solution and"):
        load_corpus(lines(), template=sums)
    with pytest.raises(InvalidInput, match=r"data = 'grammar' has \('prompt', 'response'\)"):
        load_corpus("grammar", template=sums)

    class Turned(Sums):
        columns = ("prompt", "response")

    own = Turned()
    assert load_corpus("topics", template=own).template is own


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ({"sampler": Sampler}, r"sampler = .*it is a class: give an instance, Sampler\(\)"),
        ({"sampler": 3}, "sampler = 3 is not valid: give an object with sample"),
        ({"trainer": Sampler()}, "trainer = .*give an object with train"),
        ({"template": 3}, "template = 3 is not valid: give an object with columns"),
        ({"metrics": letters}, "metrics = .*give a sequence of functions"),
        ({"metrics": [3]}, "metrics = 3 is not valid: give functions"),
    ],
)
def test_what_is_no_part(part, message):
    """Each is named before anything is loaded."""
    with pytest.raises(InvalidInput, match=message):
        Settings(**part)


@pytest.mark.parametrize("columns", ["text", (), ("a", "a"), ("a", 3), ("token_ids",)])
def test_columns_that_no_template_can_have(columns):
    """Names of columns, each once; the tokens' own column is taken."""
    own = Sums()
    own.columns = columns
    with pytest.raises(InvalidInput, match=r"template\.columns"):
        Settings(template=own)


def test_one_process_alone_calls_them(monkeypatch):
    """Several would start as many engines, or write one folder at once."""
    monkeypatch.setattr(backend, "world", lambda: 2)
    for part in ({"sampler": Sampler()}, {"trainer": Trainer()}):
        with pytest.raises(InvalidInput, match="several processes would call it at once"):
            prepare(replace(settings(), **part))


def command(output, *more):
    """Return the command line of a small loop."""
    given = {"model": folder(), "data": lines(), "held-out": 12, "samples": 24, "generations": 1}
    given |= {"batch-size": 8, "accumulation": 1, "max-length": 24, "learning-rate": 1e-3}
    given |= {"threads": 1, "workflow": "replace", "output": output, "keep": "none"}
    return ["language", *(w for k, v in given.items() for w in (f"--{k}", str(v))), *more]


def test_parts_on_the_command_line(tmp_path, capsys):
    """A class, and functions, by module and name; the table has the metrics."""
    parts = "tests.helpers.language_parts"
    words = ["--sampler", f"{parts}:Sampler", "--metric", f"{parts}.letters", "--json"]
    assert main(command(tmp_path / "run", *words)) == 0
    told = json.loads(capsys.readouterr().out)

    assert told["results"]["letters"][1] > 1
    assert told["configuration"]["sampler"]["is"]["class"] == f"{parts}.Sampler"
    for words, message in (
        (["--sampler", "mine"], "unknown sampler 'mine'"),
        (["--trainer", "no_such_module:Trainer"], "trainer = 'no_such_module:Trainer' cannot be"),
        (["--template", f"{parts}:Sumz"], f"unknown template in {parts} 'Sumz'; did you mean Sums"),
        (["--trainer", f"{parts}:Sampler"], "give an object with train"),
        (["--metric", "dataclasses:Field"], "is a class that cannot be made without arguments"),
    ):
        assert main(command(tmp_path / "other", *words)) == 2
        assert message in capsys.readouterr().err
