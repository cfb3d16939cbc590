"""What is read from a run's folder, and the report on it; the folders are written by hand."""

import csv
import math
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest

from modelcollapse._support.errors import InvalidInput, MissingDependency
from modelcollapse._support.sealed import read_json, write_json
from modelcollapse.language.diversity import diversity
from modelcollapse.language.report import cell, notes, tables, write_report
from modelcollapse.language.results import Results
from modelcollapse.language.template import Conversation
from modelcollapse.workflows.names import BY_NAME, COLOURS, colours
from tests.helpers.language_folders import (
    conversation,
    generation,
    losses,
    parquet,
    real_batch,
    run_folder,
    small_run,
    write_rows,
)

GIVEN_UP = "sampling is hopeless: 3 of 600 samples are well-formed (597 malformed)"


@pytest.fixture
def folder(tmp_path):
    """Two workflows, two seeds, three generations."""
    return small_run(tmp_path / "run", seeds=(0, 10))


@pytest.fixture
def results(folder):
    """Read it."""
    return Results.read(folder)


def read_csv(path):
    """Return the rows of a CSV file."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_reads_whole_run(results):
    """Workflows, seeds and generations are sorted, seeds and generations as numbers."""
    assert results.workflows == ("accumulate", "replace")
    assert results.seeds == (0, 10)
    assert results.generations == (1, 2, 3)
    assert results.configuration["data"] == "grammar"
    assert len(results.records) == 12


def test_shared_generation_is_everyones_first(results):
    """The fit to the whole real batch is generation 1 of every workflow, under its name."""
    for workflow in results.workflows:
        assert results.records[workflow, 10, 1]["workflow"] == workflow
        assert np.array_equal(results.nats(workflow, 10, 1), losses("real", 10, 1))
        assert results.samples(workflow, 10, 1) == conversation("real 10 1")


def test_own_first_generation_is_kept(folder):
    """A workflow that subsamples batch 1 has a first generation of its own, in every seed."""
    name = "accumulate-subsample-5"
    generation(folder, name, 0, 1, loss=7.0)
    generation(folder, name, 0, 2)
    generation(folder, name, 10, 2)
    results = Results.read(folder)
    assert results.values("loss", name)[0, 0] == 7.0
    assert math.isnan(results.values("loss", name)[1, 0])
    assert np.array_equal(results.nats(name, 0, 1), losses(name, 0, 1))
    assert results.values("loss", "replace")[0, 0] == pytest.approx(1.1)


def test_only_shared_generation(tmp_path):
    """Before any workflow has gone on, the shared generation stands for itself."""
    results = Results.read(small_run(tmp_path / "run", generations=1))
    assert (results.workflows, results.generations) == (("real",), (1,))
    assert results.table()["workflow"] == ["real"]
    assert len(results.nats("real", 0, 1)) == 40
    write_report(results, results.path)


def test_shared_generation_beside_own(tmp_path):
    """The shared generation is not lost where the only other workflow has its own."""
    folder = small_run(tmp_path / "run", generations=1)
    generation(folder, "accumulate-subsample-5", 0, 1)
    assert Results.read(folder).workflows == ("accumulate-subsample-5", "real")


def test_half_written_and_foreign_folders_are_passed_over(folder):
    """Unfinished generations, generations without metrics and other files are not read."""
    partial = folder / "seed-0" / "replace" / "generation-004.12ab.partial"
    shutil.copytree(folder / "seed-0" / "replace" / "generation-003", partial)
    (folder / "seed-0" / "replace" / "generation-005").mkdir()
    (folder / "seed-0" / "replace" / "notes").mkdir()
    (folder / "seed-7" / "replace").mkdir(parents=True)
    (folder / "seed-old").mkdir()
    results = Results.read(folder)
    assert (results.generations, results.seeds) == ((1, 2, 3), (0, 10))


def test_values_have_nan_where_a_generation_is_missing(folder):
    """An array of shape (seeds, generations) for each metric and workflow."""
    shutil.rmtree(folder / "seed-10" / "replace" / "generation-003")
    values = Results.read(folder).values("loss", "replace")
    np.testing.assert_allclose(values, [[1.1, 1.2, 1.3], [1.2, 1.3, math.nan]])


def test_table_is_tidy(results):
    """One row per workflow, seed and generation; reasons are columns, filled with zeros."""
    table = results.table()
    assert list(table)[:4] == ["workflow", "seed", "generation", "outcome"]
    assert {len(column) for column in table.values()} == {12}
    keys = list(zip(table["workflow"], table["seed"], table["generation"], strict=True))
    assert keys == sorted(keys)
    assert keys == list(results.records)
    assert set(table["rejected_malformed"]) == {3}
    assert set(table["rejected_unfinished"]) == {1200}
    assert set(table["rejected_too_long"]) == set(table["rejected_undecodable"]) == {0}
    assert "rejected" not in table
    assert results.values("rejected_malformed", "replace")[1, 2] == 3


def test_unforeseen_reason_is_a_column(folder):
    """A reason that only one generation has is zero in the others, but unknown without counts."""
    generation(folder, "replace", 0, 4, rejected={"rude": 2})
    generation(folder, "accumulate", 0, 4, hopeless=GIVEN_UP)
    results = Results.read(folder)
    counts = np.array(results.table()["rejected_rude"])
    assert np.isnan(counts).sum() == 1
    assert sorted(counts[~np.isnan(counts)]) == [0] * 12 + [2]
    assert results.values("rejected_rude", "replace")[0].tolist() == [0, 0, 0, 2]


def test_hopeless_generation(folder):
    """A sampler that was given up leaves losses but neither samples nor counts."""
    generation(folder, "replace", 0, 4, hopeless=GIVEN_UP)
    results = Results.read(folder)
    row = results.table()["outcome"].index(GIVEN_UP)
    assert results.table()["sampled"][row] == 0
    assert math.isnan(results.table()["rejected_malformed"][row])
    assert math.isnan(results.table()["acceptance"][row])
    assert len(results.nats("replace", 0, 4)) == 40
    with pytest.raises(InvalidInput, match="has no samples: sampling is hopeless"):
        results.samples("replace", 0, 4)


def test_rows_and_reference(results):
    """The real batch, the held-out rows and the real batch's diversity."""
    assert results.real(10) == conversation("real 10")
    assert results.held_out() == conversation("held out", 40)
    texts = [Conversation().write(row) for row in results.real(10)]
    assert results.reference(10) == diversity(texts)
    assert results.reference(10, 4) == diversity(texts[:4])


def test_plain_text(tmp_path):
    """The columns of the run tell how rows are written."""
    folder = run_folder(tmp_path / "run", columns=["text"])
    real_batch(folder, 0, [{"text": "once upon a time"}, {"text": "once more"}])
    generation(folder, "real", 0, 1, rows=[{"text": "twice"}, {"text": "twice upon"}])
    results = Results.read(folder)
    assert results.reference(0)["distinct_1"] == pytest.approx(5 / 6)
    write_report(results, folder)
    assert "| 1 | once upon a time | twice |" in (folder / "samples.md").read_text()


def test_unknown_columns(tmp_path):
    """Columns that no template has are an error where a template is needed."""
    folder = run_folder(tmp_path / "run", columns=["a", "b", "c"])
    generation(folder, "real", 0, 1)
    with pytest.raises(InvalidInput, match="have no template"):
        _ = Results.read(folder).template


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (shutil.rmtree, "is not the folder of a run"),
        (lambda run: (run / "run.json").unlink(), "is not the folder of a run"),
        (lambda run: (run / "run.json").write_text("{"), "is damaged"),
        (lambda run: (run / "run.json").write_text("[]"), "is damaged"),
        (lambda run: write_json(run / "run.json", {"format": 1}), "has format 1"),
        (lambda run: [shutil.rmtree(run / f"seed-{s}") for s in (0, 10)], "no generation"),
        (
            lambda run: (run / "seed-0/replace/generation-002/metrics.json").write_text("{}"),
            "metrics.json is damaged",
        ),
        (
            lambda run: (run / "seed-0/replace/generation-002/metrics.json").write_text("{"),
            "metrics.json is damaged",
        ),
    ],
    ids=[
        "absent",
        "no header",
        "header cut",
        "header of another kind",
        "another format",
        "nothing finished",
        "record without outcome",
        "record cut",
    ],
)
def test_not_a_run(folder, spoil, message):
    """What cannot be read is said, with its path."""
    spoil(folder)
    with pytest.raises(InvalidInput, match=message):
        Results.read(folder)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda r: r.values("los", "replace"), "unknown metric 'los'; did you mean loss"),
        (lambda r: r.values("outcome", "replace"), "unknown metric"),
        (lambda r: r.values("loss", "replce"), "unknown workflow 'replce'; did you mean replace"),
        (lambda r: r.nats("x", 0, 1), "unknown workflow"),
        (lambda r: r.nats("replace", 0, 9), "generation 9 is not finished"),
        (lambda r: r.samples("replace", 3, 1), "the seeds 0, 10"),
        (lambda r: r.real(3), "unknown seed 3; known: 0, 10"),
    ],
    ids=["metric", "text", "workflow", "losses", "generation", "samples", "seed"],
)
def test_unknown_names(results, call, message):
    """What does not exist is said, with what does."""
    with pytest.raises(InvalidInput, match=re.escape(message)):
        call(results)


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("held_out.parquet", lambda results: results.nats("replace", 0, 2)),
        ("samples.parquet", lambda results: results.samples("replace", 0, 2)),
    ],
)
def test_damaged_tables(results, name, read):
    """One bit that is another is found, and the file named."""
    path = results.places["replace", 0, 2] / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(InvalidInput, match=re.escape(f"{path} is damaged")):
        read(results)


def test_collecting_imports_nothing_heavy(collected):
    """Nor to collect the tests of a run, which would slow every other test down."""
    assert collected == []


def test_torch_is_not_needed():
    """Results can be read and reported where PyTorch is slow to import, without it."""
    code = (
        "import sys; import modelcollapse.language.report as r; "
        "sys.exit('torch' in sys.modules or 'matplotlib' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_csv_is_the_table(folder):
    """Every number of the table comes back from the CSV, and what is missing is empty."""
    generation(folder, "replace", 0, 4, hopeless=GIVEN_UP)
    results = Results.read(folder)
    write_report(results, folder)
    table, rows = results.table(), read_csv(folder / "results.csv")
    assert list(rows[0]) == list(table)
    assert len(rows) == len(table["seed"])
    for name, column in table.items():
        for row, value in zip(rows, column, strict=True):
            if isinstance(value, str):
                assert row[name] == value
            elif math.isnan(value):
                assert row[name] == ""
            else:
                assert float(row[name]) == value


def test_report_files(results, tmp_path):
    """Three files and nothing else; writing again replaces them."""
    target = tmp_path / "report"
    target.mkdir()
    paths = write_report(results, target)
    before = [path.read_bytes() for path in paths]
    assert write_report(results, str(target)) == paths
    assert sorted(target.iterdir()) == sorted(paths)
    assert [path.name for path in paths] == ["results.csv", "loss.png", "samples.md"]
    assert [path.read_bytes() for path in paths] == before
    assert before[1].startswith(b"\x89PNG")


def test_report_needs_a_folder(results, tmp_path):
    """A folder that is not there is an error."""
    with pytest.raises(InvalidInput, match="there is no folder"):
        write_report(results, tmp_path / "nowhere")


def test_report_needs_matplotlib(results, tmp_path, monkeypatch):
    """Without matplotlib nothing is written, and the message says what to install."""
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingDependency, match=r"pip install '\.\[plot\]'"):
        write_report(results, tmp_path)
    assert not (tmp_path / "results.csv").exists()


def test_samples_side_by_side(folder):
    """The first rows of each batch, generations as columns, and the rejected ones counted."""
    write_report(Results.read(folder), folder)
    text = (folder / "samples.md").read_text()
    heads = [line for line in text.splitlines() if line.startswith("## ")]
    assert heads == [f"## {w}, seed {s}" for w in ("accumulate", "replace") for s in (0, 10)]
    section = text.split("## replace, seed 10")[1]
    step = len(Results.read(folder).real(10)) // 5  # real rows are shown at equal distances
    assert "|  | real data | generation 1 | generation 2 | generation 3 |" in section
    row = next(line for line in section.splitlines() if line.startswith("| 2 |"))
    cells = [one.strip() for one in row.strip("|").split("|")]
    names = ["real 10 1", "replace 10 2", "replace 10 3"]
    assert cells[2:] == [f"user: {n} number 1<br>assistant: row 1 of it" for n in names]
    assert cells[1] == f"user: real 10 number {step}<br>assistant: row {step} of it"
    count = "1,200 unfinished, 3 malformed of 1,500"
    assert f"| rejected |  | {count} | {count} | {count} |" in section
    assert "number 5" not in text


def test_samples_of_hopeless_generation(folder):
    """Its column is empty, and says why."""
    generation(folder, "replace", 0, 4, hopeless=GIVEN_UP)
    write_report(Results.read(folder), folder)
    text = (folder / "samples.md").read_text()
    assert f"| {GIVEN_UP} |" in text
    lengths = {line.count(" | ") for line in text.splitlines() if line.startswith("| 1 |")}
    assert lengths == {4, 5}


def test_no_rejected_samples(tmp_path):
    """Nothing rejected is said too."""
    folder = small_run(tmp_path / "run", generations=1)
    generation(folder, "real", 0, 1, rejected={})
    write_report(Results.read(folder), folder)
    assert "| rejected |  | none of 1,500 |" in (folder / "samples.md").read_text()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a|b", r"a\|b"),
        ("a\\|b", r"a&#92;\|b"),
        ("one\ntwo\r\nthree\u2028four", "one<br>two<br>three<br>four"),
        ("<script>&", "&lt;script&gt;&amp;"),
        ("**b** _i_ `c` [l](u) ~s~ $m$", r"\*\*b\*\* \_i\_ \`c\` \[l\](u) \~s\~ \$m\$"),
        ("tab\tand \x1b[31mred\u202e", r"tab and  \[31mred "),
        ("x" * 200, "x" * 200),
        ("x" * 201, "x" * 199 + "…"),
        ("", ""),
    ],
)
def test_cells_are_escaped(text, expected):
    """A sample is one cell, whatever is in it, and no markup."""
    assert cell(text) == expected


def test_hostile_samples_keep_the_table(folder):
    """Pipes and line breaks in samples add neither cells nor lines."""
    rows = [{"prompt": "a | b\n| c |", "response": "\\| <b>\r\n---|---"}]
    place = generation(folder, "replace", 0, 2)
    write_rows(place / "samples.parquet", rows)
    write_report(Results.read(folder), folder)
    section = (folder / "samples.md").read_text().split("## replace, seed 0")[1].split("##")[0]
    lines = [line for line in section.splitlines() if line]
    assert len(lines) == 2 + 5 + 1
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in lines} == {6}


def test_terminal_tables(folder):
    """Means over the seeds, their range, and the real batch."""
    shutil.rmtree(folder / "seed-10" / "replace" / "generation-003")
    results = Results.read(folder)
    (title, heads, means), (_, more, ranges) = tables(results)
    assert title.startswith("Means over 2 seeds")
    assert "excess" not in heads
    assert "grammatical" not in heads
    assert "outcome" not in heads
    cells = {tuple(row[:2]): dict(zip(heads, row, strict=True)) for row in means}
    assert cells["accumulate", "2"]["loss"] == "1.2500"
    assert cells["accumulate", "2"]["seeds"] == "2"
    assert cells["accumulate", "2"]["accepted"] == "90.0 %"
    assert cells["replace", "3"]["loss"] == "1.3000"
    assert cells["replace", "3"]["seeds"] == "1"
    expected = np.mean([results.reference(seed)["distinct_2"] for seed in (0, 10)])
    assert cells["real data", "-"]["distinct 2-grams"] == f"{expected:.4f}"
    assert cells["real data", "-"]["loss"] == "-"
    spread = {tuple(row[:2]): dict(zip(more, row, strict=True)) for row in ranges}
    assert spread["accumulate", "2"]["loss"] == "1.2000 to 1.3000"
    assert spread["replace", "3"]["loss"] == "1.3000"


def test_generation_zero_is_in_the_tables(tmp_path):
    """One row of the terminal's table and of results.csv, with what is known of a base."""
    folder = small_run(tmp_path / "run", seeds=(0, 10))
    before = Results.read(folder)
    place = folder / "base"
    parquet(place / "held_out.parquet", {"nats": losses("base")})
    base = {"workflow": "base", "generation": 0, "outcome": "completed"}
    write_json(place / "metrics.json", {**base, "loss": 7.22, "tail_loss": 8.5, "steps": 0})
    found = Results.read(folder)
    (_, heads, rows), _ = tables(found)
    write_report(found, folder)

    assert before.base is None
    assert found.workflows == before.workflows
    assert dict(zip(heads, rows[0], strict=True)) == {
        **dict.fromkeys(heads, "-"),
        "workflow": "base",
        "generation": "0",
        "loss": "7.2200",
        "tail loss": "8.5000",
    }
    assert rows[1:] == tables(before)[0][2]
    first, *others = read_csv(folder / "results.csv")
    assert (first["workflow"], first["seed"], first["loss"]) == ("base", "", "7.22")
    assert len(others) == len(found.records)


def test_what_rejection_does_is_noted(tmp_path):
    """With the least and the largest acceptance; not where all samples were accepted."""
    folder = small_run(tmp_path / "run")
    (line,) = notes(Results.read(folder))
    assert line.startswith("Of the samples 90.0 % were accepted. ")
    generation(folder, "replace", 0, 3, acceptance=0.25)
    (line,) = notes(Results.read(folder))
    assert line.startswith("Of the samples 25.0 % to 90.0 % were accepted. ")
    generation(run_folder(tmp_path / "all"), "real", 0, 1, acceptance=1.0)
    assert notes(Results.read(tmp_path / "all")) == []


def test_terminal_tables_of_one_seed(tmp_path):
    """One seed has no range; a grammar adds its columns, a hopeless sampler the outcomes."""
    folder = small_run(tmp_path / "run", workflows=("replace",))
    generation(folder, "replace", 0, 2, excess=0.12345, grammatical=0.75)
    generation(folder, "replace", 0, 3, hopeless=GIVEN_UP, excess=math.inf)
    ((title, heads, rows),) = tables(Results.read(folder))
    assert title.startswith("Seed 0")
    assert "above the grammar's entropy" in title
    cells = [dict(zip(heads, row, strict=True)) for row in rows]
    assert [c["excess"] for c in cells] == ["-", "0.123", "inf", "-"]
    assert [c["grammatical"] for c in cells] == ["-", "75.0 %", "-", "-"]
    outcomes = ["completed", "completed", "sampling is hopeless", "-"]
    assert [c["outcome"] for c in cells] == outcomes
    write_report(Results.read(folder), folder)


def test_outcomes_of_several_seeds(folder):
    """Where seeds end differently, it is said how many."""
    generation(folder, "replace", 0, 3, hopeless=GIVEN_UP)
    _, heads, rows = tables(Results.read(folder))[0]
    cells = {tuple(row[:2]): row[heads.index("outcome")] for row in rows}
    assert cells["replace", "3"] == "1 of 2: sampling is hopeless, 1 of 2: completed"
    assert cells["replace", "2"] == "completed"


def test_reference_is_of_as_many_rows(folder):
    """Batches of different sizes have no real batch beside them: diversity depends on the size."""
    results = Results.read(folder)
    real = tables(results)[0][2][-1]
    assert real[-2] != "-"
    generation(folder, "replace", 0, 3, rows=conversation("few", 5))
    real = tables(Results.read(folder))[0][2][-1]
    assert real[-2] == "-"
    write_report(Results.read(folder), folder)


def test_colours():
    """The paper's workflows have the colours of the package's pictures; others have their own."""
    names = ("accumulate", "accumulate-subsample", "accumulate-subsample-50", "replace", "mine")
    found = colours(names)
    assert found["replace"] == COLOURS["replace"]
    assert found["accumulate"] == COLOURS["accumulate"]
    assert len(set(found.values())) == 5
    assert set(COLOURS) == set(BY_NAME)
    assert len(set(colours([*COLOURS, *map(str, range(6))]).values())) == len(COLOURS) + 6
    assert set(colours([f"w{i}" for i in range(20)])) == {f"w{i}" for i in range(20)}


def test_records_that_differ_in_metrics(folder):
    """A metric that only some generations have is NaN in the others."""
    path = folder / "seed-0" / "replace" / "generation-002" / "metrics.json"
    write_json(path, read_json(path) | {"novelty": 0.25})
    values = Results.read(folder).values("novelty", "replace")
    assert values[0, 1] == 0.25
    assert np.isnan(values).sum() == 5
