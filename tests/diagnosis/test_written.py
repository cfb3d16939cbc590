"""Files of a simulation bring its experiment, as long as nobody has changed them."""

import hashlib
import json
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest

import modelcollapse as mc
from modelcollapse._support.errors import InvalidInput
from modelcollapse.cli import main, output, simulate
from modelcollapse.diagnosis import diagnose
from modelcollapse.diagnosis.reading import read
from modelcollapse.loop import written
from tests.helpers.theirs import Uniform

LOOP = ["simulate", "gaussian", "--generations", "6", "--replicates", "20"]
E = mc.Experiment(mc.Gaussian(), mc.Replace(), 10, 6)
OTHERS = [
    ["gaussian", "--dim", "2", "--workflow", "keep-real", "--share", "0.3"],
    ["gaussian", "--temperature", "0.5"],
    ["discrete", "--probabilities", "0.5,0.3,0.2", "--workflow", "accumulate"],
    ["normal-mean", "--samples", "10,20,40"],
]


def simulated(path, *more, samples=10):
    """Write the replicates of a loop."""
    sizes = ["--samples", str(samples)]
    assert main([*LOOP, *sizes, *more, "--output", str(path), "--quiet"]) == 0
    return path


def of(path):
    """Return the experiment of a file and its notes."""
    record = read(path)
    return record.experiment, " ".join(record.notes)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
@pytest.mark.parametrize("loop", OTHERS, ids=["share", "temperature", "discrete", "sizes"])
def test_files_know_their_experiment(tmp_path, ending, loop, capsys):
    """The one that they were simulated from, whatever it is."""
    path = tmp_path / f"runs.{ending}"
    sizes = [] if "--samples" in loop else ["--samples", "10", "--generations", "3"]
    more = [*sizes, "--replicates", "5", "--quiet"]
    status = main(["simulate", *loop, *more, "--output", str(path), "--json"])
    assert status == 0, capsys.readouterr().err
    document = json.loads(capsys.readouterr().out)
    experiment, notes = of(path)
    assert mc.described(experiment) == document["experiment"]
    assert notes == ""


def test_the_file_beside_is_metadata_of_the_webs_standard(tmp_path):
    """The context, the table's address, and words in the place for notes; the table is as ever."""
    path = simulated(tmp_path / "my runs: 1.csv")
    document = json.loads((tmp_path / "my runs: 1.csv-metadata.json").read_text())
    assert set(document) == {"@context", "url", "notes"}
    assert document["@context"] == "http://www.w3.org/ns/csvw"
    assert document["url"] == "my%20runs%3A%201.csv"
    (words,) = document["notes"]
    said = words["modelcollapse"]
    assert said["csv_sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert mc.Experiment.from_dict(said["experiment"]) == E
    assert output.write_table(tmp_path / "plain.csv", dict(pl.read_csv(path).to_dict()))
    assert (tmp_path / "plain.csv").read_bytes() == path.read_bytes()
    assert of(tmp_path / "plain.csv") == (None, "")


def test_a_changed_csv_file_loses_its_theorem(tmp_path):
    """And says so; so does one whose words were changed, or of which they tell nothing."""
    path = simulated(tmp_path / "runs.csv")
    assert of(path) == (E, "")
    assert diagnose(path)["variance_collapse"].basis == "theorem"
    data = path.read_bytes()
    path.write_bytes(data.replace(b"replicate,", b"replicate ,"))
    assert of(path) == (None, f"{path} {written.CHANGED}")
    found = diagnose(path)
    assert found["variance_collapse"].basis != "theorem"
    assert any("has changed since it was written" in note for note in found.notes)
    path.write_bytes(data)
    assert of(path) == (E, "")
    beside = written.beside(path)
    words = beside.read_text()
    for other in (
        words.replace('"samples": 10', '"samples": 11'),
        words.replace("csv_sha256", "x"),
    ):
        assert other != words
        beside.write_text(other)
        experiment, notes = of(path)
        assert experiment is None
        assert "metadata.json has changed since it was written" in notes
    for other in ("", "{", "[]", "{}", '{"notes": 3}', '{"notes": [{"modelcollapse": 3}]}'):
        beside.write_text(other)
        assert of(path) == (None, "")


def test_a_changed_parquet_file_loses_its_theorem(tmp_path):
    """A program that keeps the words and changes the rows is found out."""
    path = simulated(tmp_path / "runs.parquet")
    assert of(path) == (E, "")
    table, words = pq.read_table(path), pq.read_metadata(path).metadata
    pq.write_table(table.replace_schema_metadata(words).slice(0, 60), path)
    assert of(path) == (None, f"{path} {written.CHANGED}")
    pl.read_parquet(path).write_parquet(path)
    assert of(path) == (None, "")


def test_somebodys_file_beside_is_not_replaced(tmp_path, monkeypatch, capsys):
    """It is refused before the work; what was written here is replaced."""
    path = tmp_path / "runs.csv"
    beside = written.beside(path)
    simulated(path)
    simulated(path, samples=20)
    assert of(path)[0].samples == 20
    beside.write_text('{"@context": "http://www.w3.org/ns/csvw", "url": "runs.csv"}')
    assert main(["predict", "gaussian", "--generations", "3", "--output", str(path)]) == 0
    before = path.read_bytes(), beside.read_bytes()
    assert b"notes" not in before[1]
    monkeypatch.setattr(simulate, "simulate_experiment", None)
    capsys.readouterr()
    assert main([*LOOP, "--samples", "10", "--output", str(path)]) == 2
    assert "was not written here and would be replaced" in capsys.readouterr().err
    assert before == (path.read_bytes(), beside.read_bytes())
    beside.unlink()
    beside.mkdir()
    assert main([*LOOP, "--samples", "10", "--output", str(path)]) == 2
    assert list(beside.iterdir()) == []


def test_what_no_data_describe_is_a_note(tmp_path, capsys):
    """Rows are known by their digest alone; what was said of another table is removed."""
    path = tmp_path / "runs.csv"
    simulated(path)
    assert written.beside(path).exists()
    rows = tmp_path / "rows.csv"
    rows.write_text("x\n1\n2\n4\n")
    capsys.readouterr()
    simulated(path, "--data", str(rows))
    assert "diagnose will know no theorem" in capsys.readouterr().err
    assert not written.beside(path).exists()
    assert of(path) == (None, "")
    simulated(path)
    assert main(["predict", "gaussian", "--generations", "3", "--output", str(path)]) == 0
    assert not written.beside(path).exists()
    with pytest.raises(InvalidInput, match="cannot be built from its description"):
        written.told(mc.Experiment(Uniform(), mc.Replace(), 10, 3))


def test_a_table_stays_where_its_words_cannot_be_written(tmp_path, monkeypatch, capsys):
    """Nothing half-written is left, and the command has done its work."""
    path = tmp_path / "runs.csv"
    right = Path.write_text

    def full(self, *arguments, **options):
        if "metadata" in self.name:
            raise OSError(28, "No space left on device")
        return right(self, *arguments, **options)

    monkeypatch.setattr(Path, "write_text", full)
    simulated(path)
    assert "No space left on device" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [path]


def test_an_interrupted_table_has_its_own_words(tmp_path):
    """It goes beside the one that is there, whose words stay."""
    path, columns = simulated(tmp_path / "runs.csv"), {"generation": [1, 2], "variance": [1.0, 0.5]}
    before = written.beside(path).read_bytes()
    other = mc.Experiment(mc.Gaussian(), mc.Replace(), 20, 6)
    assert output.write_table(path, columns, finished=False, of=written.told(other))
    assert written.beside(path).read_bytes() == before
    assert of(path)[0] == E
    assert of(tmp_path / "runs.interrupted.csv") == (other, "")


def test_words_of_another_version_are_a_note(tmp_path):
    """Whatever fails as an experiment is made of them."""
    data = mc.described(E)
    for name, value in (("sampling", 3), ("samples", None), ("workflow", {"name": "x"}), ("k", 1)):
        experiment, note = written.of_data(tmp_path, {**data, name: value})
        assert experiment is None
        assert "its experiment is not used: " in note


def test_files_are_of_one_experiment(tmp_path):
    """Runs of two loops are no replicates of one; nor is another experiment given."""
    paths = [simulated(tmp_path / f"{n}.csv", samples=n) for n in (10, 20)]
    with pytest.raises(InvalidInput, match="holds runs of another experiment than the other files"):
        read(paths)
    with pytest.raises(InvalidInput, match="than experiment=: leave it out"):
        read(paths[1], experiment=E)
    assert read(paths[0], experiment=E).experiment == E
    plain = tmp_path / "plain.csv"
    pl.read_csv(paths[0]).with_columns(pl.col("replicate") + 20).write_csv(plain)
    record = read([paths[0], plain])
    assert record.runs == 40
    assert record.experiment is None
    assert "not all files say of which experiment they are" in " ".join(record.notes)
    assert read([paths[0], plain], experiment=E).experiment == E
    with pytest.raises(InvalidInput, match="the same generation of the same run"):
        read([paths[0], simulated(tmp_path / "again.csv", "--seed", "1")])
