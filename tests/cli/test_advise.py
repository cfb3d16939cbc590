"""``modelcollapse advise``."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import modelcollapse as mc
from modelcollapse.cli import main

WORDS = "--real 50000 --synthetic 500000 --generations 12"
HEAVY = ("numba", "torch", "sympy", "polars", "matplotlib", "sklearn", "scipy.stats")


def advised(*words):
    """Return the exit status of the command."""
    return main(["advise", *" ".join(words).split()])


def test_words_and_tables_for_people(capsys):
    """Sentences first, then every workflow, then what is enough."""
    assert advised(WORDS, "--fresh-real 0 --keep-real yes --at-most 1.5") == 0
    shown = capsys.readouterr().out
    found = mc.advise(50_000, 500_000, 12, keep_real=True, at_most=1.5)
    assert shown.startswith("\n\n".join(found.sentences) + "\n\n")
    lines = [line.split("  ") for line in shown.splitlines()]
    cells = [[cell.strip() for cell in line if cell.strip()] for line in lines]
    for row in zip(*found.columns().values(), strict=True):
        assert list(row) in cells
    for need, value, later in (
        ("pooled with the sampled ones", "10,856", "16,945"),
        ("as the weight of the first real rows beside the last batch", "0.0721", "0.08713"),
        ("training rows of each model, a random part of all rows so far", "188,148", "-"),
    ):
        assert any(c and c[0].endswith(need) and c[1:] == [value, later] for c in cells)


def test_numbers_for_programs(capsys):
    """One strict JSON object, the same as from Python; `keep-real` may be a weight."""
    assert advised(WORDS, "--keep-real 0.3 --first-generation-gap 0.2 --json") == 0
    told = json.loads(capsys.readouterr().out)
    found = mc.advise(50_000, 500_000, 12, keep_real=0.3, first_generation_gap=0.2)
    assert told == json.loads(json.dumps(found.to_dict()))
    assert told["question"]["keep_real"] == 0.3
    kept = next(one for one in told["workflows"] if "weight 0.3" in one["trains_on"])
    assert kept["gap"] == pytest.approx(0.2 * kept["relative_error"])


def test_schedules_set_the_generations(capsys, tmp_path, monkeypatch):
    """A file, a list, doubling and a formula; the first entry is that of generation 2."""
    monkeypatch.chdir(tmp_path)
    Path("a.csv").write_text("rows\n10\n20\n40\n")
    for synthetic in ("a.csv", "10,20,40", "double:10 --generations 4"):
        assert (
            advised("--real 8 --json --fresh-real 2*t --budget 5,6,7,8 --synthetic", synthetic) == 0
        )
        question = json.loads(capsys.readouterr().out)["question"]
        assert question["generations"] == 4
        assert question["synthetic"] == [10, 20, 40]
        assert question["fresh_real"] == [4, 6, 8]
        assert question["budget"] == [5, 6, 7, 8]


def test_a_picture(capsys, tmp_path):
    """Beside the words; what it cannot be is said before any work."""
    file = tmp_path / "a.png"
    assert advised(WORDS, f"--figure {file}") == 0
    shown = capsys.readouterr()
    assert f"wrote {file}" in shown.err
    assert "Keep the first real rows" in shown.out
    assert file.read_bytes().startswith(b"\x89PNG")
    for name in ("a.txt", "nowhere/a.png"):
        assert advised(WORDS, f"--figure {tmp_path / name}") == 2
        shown = capsys.readouterr()
        assert "figure = " in shown.err
        assert not shown.out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--real 10 --synthetic 20", "generations = None is not valid: give the number of fits"),
        ("--real -10 --synthetic 20 --generations 3", "real = -10"),
        ("--real 2.5 --synthetic 20 --generations 3", "real = '2.5' is not valid: give a whole"),
        ("--real 5e4 --synthetic 20 --generations 3", "give a whole number, such as 50000\n"),
        ("--real 50,000 --synthetic 20 --generations 3", "give a whole number, such as 50000\n"),
        ("--real 10 --synthetic -20 --generations 3", "synthetic = -20"),
        ("--real 10 --synthetic 5,5 --generations 4", "synthetic has 2 entries"),
        ("--real 10 --synthetic 5,5 --fresh-real 1,2,3", "fresh_real has 3 entries"),
        (
            "--real 10 --synthetic 20 --generations 3 --keep-real 1.5",
            "give yes or no (in Python True or False), or a weight",
        ),
        ("--real 10 --synthetic 20 --generations 3 --keep-real never", "keep_real = 'never'"),
        ("--real 10 --synthetic 20 --generations 3 --keep-real -0.5", "keep_real = -0.5"),
        ("--real 10 --synthetic 20 --generations 3 --keep-real nan", "keep_real = nan"),
        ("--real 10 --synthetic 20 --generations 3 --fresh-real -1", "fresh_real = -1"),
        ("--real 10 --synthetic 20 --generations 3 --fresh-real 0.2", "fresh_real = '0.2'"),
        ("--real 10 --synthetic 20 --generations 3 --budget 51", "50 at generation 3"),
        ("--real 10 --synthetic 20 --generations 3 --at-most nan", "at_most = nan"),
        ("--real 10 --synthetic 20 --generations 3 --at-most -1", "at_most = -1"),
        ("--real 10 --synthetic 20 --generations 3 --first-generation-gap nan", "gap = nan"),
        ("--real 10 --synthetic absent.csv", "cannot be read"),
        ("--real 10 --synthetic 10^t --generations 20", "at generation 13"),
    ],
)
def test_wrong_use_is_one_line(options, message, capsys):
    """The exit status is 2, and nothing is printed but the reason."""
    assert advised(options) == 2
    shown = capsys.readouterr()
    assert message in shown.err
    assert shown.err.count("\n") == 1
    assert not shown.out


def test_keeping_none_with_fresh_rows_is_no_contradiction(capsys):
    """The best of those without the first real rows is told first."""
    assert advised(WORDS, "--keep-real no --fresh-real 5000") == 0
    assert "The best workflow without them, fresh-data" in capsys.readouterr().out


def test_nothing_heavy_is_loaded():
    """In a process of its own; `benchmarks/test_commands.py` measures what it takes."""
    words = [*WORDS.split(), "--fresh-real", "5000", "--budget", "50000", "--at-most", "1.5"]
    code = (
        "import sys; from modelcollapse.cli import main; "
        f"main(['advise', *{words!r}]); "
        f"print(*[m for m in {HEAVY!r} if m in sys.modules], file=sys.stderr)"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ)
    assert not done.stderr.split()
