"""``modelcollapse compare``."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import modelcollapse as mc
from modelcollapse.cli import main

HEAVY = ("torch", "sympy", "sklearn", "matplotlib", "scipy.stats", "numba")
GOOD = "x\n" + "\n".join(f"{i}.5" for i in range(30))


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Work in a folder with real rows and rows of a smaller spread."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for name, scale in (("real", 1.0), ("other", 0.5)):
        kinds = rng.choice(["red", "green", "blue"], 300)
        pl.DataFrame({"x": scale * rng.normal(size=300), "kind": kinds}).write_csv(f"{name}.csv")
    return tmp_path


def compared(words):
    """Return the exit status of the command."""
    return main(["compare", *words.split()])


def test_words_and_a_table_for_people(files, capsys):
    """Sentences first; the same as from Python, and a picture beside them."""
    assert compared("real.csv other.csv --seed 3 --figure a.png --most-rows 200") == 0
    shown = capsys.readouterr()
    found = mc.compare("real.csv", "other.csv", seed=3, most_rows=200)
    assert shown.out.startswith("\n\n".join(found.sentences) + "\n\n")
    assert "The other rows shrank: they lost spread" in shown.out
    lines = [[c.strip() for c in line.split("  ") if c.strip()] for line in shown.out.splitlines()]
    for row in zip(*found.columns().values(), strict=True):
        assert list(row) in lines
    for note in found.notes:
        assert note in shown.err
    assert "200 of them were drawn at random with seed 3" in shown.err
    assert (files / "a.png").read_bytes().startswith(b"\x89PNG")


def test_numbers_for_programs(files, capsys):
    """One strict JSON object, the same as from Python."""
    options = "--alpha 0.2 --margin 0.3 --permutations 199"
    assert compared(f"real.csv other.csv --json {options}") == 0
    told = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    found = mc.compare("real.csv", "other.csv", alpha=0.2, margin=0.3, permutations=199)
    assert told == json.loads(json.dumps(found.to_dict()))
    assert told["shrank"] is True
    assert (files / "real.csv").exists()


def test_a_long_table_is_cut(files, capsys):
    """The lines with the least p stay, in their order, and the rest is said."""
    rng = np.random.default_rng(2)
    for name in ("wide", "wider"):
        data = {f"x{i}": rng.normal(size=60) for i in range(30)}
        pl.DataFrame(data).write_csv(files / f"{name}.csv")
    assert compared("wide.csv wider.csv") == 0
    shown = capsys.readouterr().out
    found = mc.compare("wide.csv", "wider.csv")
    assert f"the 60 lines with the least p of {len(found.rows)} (--json has them all)" in shown
    assert len(shown.partition("verdict\n")[2].splitlines()) == 60


@pytest.mark.usefixtures("files")
def test_the_same_file_twice(capsys):
    """It is said, and no picture is made of nothing."""
    assert compared("real.csv real.csv --figure a.png") == 0
    shown = capsys.readouterr()
    assert "Both hold the same 300 rows" in shown.out
    assert "a.png is not written" in shown.err
    assert not Path("a.png").exists()


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("b.csv", "y\n1\n", "b.csv has 1 row"),
        ("b.csv", GOOD + "\nnan\n", "line 32, column 'x': nan is missing or not finite"),
        ("b.csv", GOOD + "\ninf\n", "inf is missing or not finite"),
        ("b.csv", GOOD.replace("x", "x,y").replace(".5", ".5,1") + "\n3,\n", "column 'y'"),
        ("b.csv", GOOD.replace("x", "y"), "a.csv alone has 'x'; b.csv alone has 'y'"),
        ("b.csv", GOOD.replace("x", "x;y").replace(".5", ";5"), "semicolons separate columns"),
        ("b.csv", GOOD + "\nred\n", "holds numbers in a.csv and text in b.csv, such as 'red'"),
        ("b.csv", GOOD + "\n1,2\n", "2 cells where the first line has 1"),
        ("b.csv", "", "is empty"),
        ("b.csv", GOOD.replace("x", "x,x").replace(".5", ".5,1"), "'x' is there twice"),
        ("b.jsonl", '{"x": 1}\n{"x":\n', "line 2 is not JSON"),
        ("b.jsonl", '{"x": 1}\n{"y": 2}\n', "not those of the first line"),
        ("b.jsonl", '{"x": 1}\n{"x": null}\n', "'x': the value is missing"),
        ("b.jsonl", "[1]\n", "give one JSON object per line"),
        ("b.jsonl", "", "is empty"),
        ("b.txt", "", "b.txt has 0 rows"),
        ("b.parquet", "no", "is not a Parquet file"),
        ("b.tsv", GOOD, "give a .csv or a .jsonl or a .parquet or a .txt file"),
        (".", None, "is a directory"),
        ("c.csv", None, "no such file"),
    ],
)
def test_wrong_files_are_one_line(name, content, message, capsys):
    """The exit status is 2, nothing is printed but the reason, and no picture is left."""
    Path("a.csv").write_text(GOOD)
    if content is not None:
        Path(name).write_text(content)
    before = set(Path().iterdir())
    assert compared(f"a.csv {name} --figure p.png") == 2
    shown = capsys.readouterr()
    assert message in shown.err
    assert shown.err.count("\n") == 1
    assert not shown.out
    assert set(Path().iterdir()) == before


@pytest.mark.usefixtures("files")
def test_pictures_that_cannot_be_are_refused_first(capsys):
    """Before anything is read."""
    for name in ("a.txt", "nowhere/a.png"):
        assert compared(f"absent.csv absent.csv --figure {name}") == 2
        assert "figure = " in capsys.readouterr().err


def test_a_hundred_thousand_rows_take_little_memory(files):
    """In a process of its own, with nothing heavy imported.

    Its peak is what Linux says of the process itself: `ru_maxrss` is at least the parent's at the
    fork. Another system does not tell.
    """
    rng = np.random.default_rng(1)
    for name in ("a", "b"):
        data = {f"x{i}": rng.normal(size=100_000) for i in range(10)}
        pl.DataFrame(data).write_parquet(files / f"{name}.parquet")
    code = (
        "import sys; from pathlib import Path; from modelcollapse.cli import main; "
        "main(['compare', 'a.parquet', 'b.parquet', '--json']); "
        f"print(*[m for m in {HEAVY!r} if m in sys.modules], file=sys.stderr); "
        "status = Path('/proc/self/status'); "
        "print(status.read_text() if status.exists() else '', file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ
    )
    heavy, *status = done.stderr.splitlines()
    assert not heavy.split()
    peaks = [int(line.split()[1]) for line in status if line.startswith("VmHWM:")]  # KiB
    assert all(peak < 2e6 for peak in peaks)
