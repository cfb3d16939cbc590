"""Names of files and folders: none is a pattern, an option, an address or a home."""

import json
from pathlib import Path

import pytest

from modelcollapse.cli import main

ROWS = ["1,2", "2,1", "3,5", "5,3", "8,9", "0,1"]
STEMS = ["a[1]", "a*", "a?", "a#b", "a%20b", "a b", "~", "~root", "-a", "--a", "@a", "a=b", "{a}"]
GRID = """\
samples = 4
generations = 2
replicates = 5
model = {{ family = "gaussian", dim = 2, data = {data} }}
workflow = {{ name = "replace" }}
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Work in an empty folder, with neighbours that a pattern would match."""
    monkeypatch.chdir(tmp_path)
    for name in ("a1", "aa", "root"):
        for ending in ("csv", "parquet"):
            Path(f"{name}.{ending}").write_text("not,numbers\n")
    return tmp_path


def said(*arguments):
    """Return a command line: a name that begins with a hyphen needs an equals sign or a --."""
    line = []
    for word in map(str, arguments):
        if not word.startswith("-a") and not word.startswith("--a"):
            line.append(word)
        elif line[-1].startswith("--"):
            line[-1] += f"={word}"
        else:
            return [*said(*line, *arguments[len(line) + 1 :]), "--", word]
    return line


def done(capsys, *arguments):
    """Run a command that succeeds, and return what it printed."""
    assert main(said(*arguments)) == 0, capsys.readouterr().err
    return capsys.readouterr().out


@pytest.mark.parametrize("stem", STEMS)
def test_files(capsys, here, stem):
    """Data, tables, checkpoints, grids and folders, read and written by each command."""
    data, before = Path(f"{stem}.csv"), set(here.rglob("*"))
    data.write_text("x,y\n" + "\n".join(ROWS) + "\n")
    loop = ["gaussian", "replace", "--dim", 2, "--data", data, "--samples", 4, "--generations", 2]
    expected = json.loads(done(capsys, "predict", *loop, "--json"))
    assert expected["experiment"]["truth"]["shape"] == [6, 2]
    names = {data, Path(f"{stem}.npz"), Path(f"{stem}.toml"), Path(stem)}
    for ending in ("csv", "parquet"):
        table = Path(f"{stem}-runs.{ending}")
        names.add(table)
        done(capsys, "simulate", *loop, "--replicates", 20, "--output", table)
        assert "variance" in done(capsys, "diagnose", table)
    fit = ["--estimator", "gaussian", "--data", data, "--generations", 2, "--samples", 4]
    done(capsys, "run", *fit, "--checkpoint", f"{stem}.npz")
    Path(f"{stem}.toml").write_text(GRID.format(data=json.dumps(str(data))))
    done(capsys, "sweep", f"{stem}.toml", "--output", stem)
    assert set(here.iterdir()) == before | {here / name for name in names}
    assert (here / stem / "results.parquet").is_file()


@pytest.mark.parametrize("stem", STEMS)
@pytest.mark.usefixtures("here")
def test_an_absent_file_is_not_another_one(capsys, stem):
    """The name that was given is in the message."""
    for ending in ("csv", "parquet"):
        name = f"{stem}.{ending}"
        for arguments in (["predict", "gaussian", "replace", "--data", name], ["diagnose", name]):
            assert main(said(*arguments)) == 2
            assert name in capsys.readouterr().err
