"""Wrong use is answered in one line, in the words that were typed, with what to do instead."""

import errno
import os
from pathlib import Path

import pytest

from modelcollapse._support.errors import why_unread
from modelcollapse.cli import COMMANDS, main

# What each command needs before anything else is asked of it.
NEEDED = {
    "predict": "gaussian",
    "simulate": "gaussian",
    "advise": "--real 10 --synthetic 10 --generations 2",
    "compare": "wine wine",
    "run": "--estimator gaussian --data iris",
    "sweep": "grid.toml",
    "diagnose": "losses.csv",
}


def refused(line, capsys):
    """Return the one line that a command line is answered with."""
    assert main(line.split()) == 2
    shown = capsys.readouterr()
    assert not shown.out
    assert shown.err.startswith("modelcollapse: ")
    assert shown.err.count("\n") == 1
    return shown.err.removeprefix("modelcollapse: ").rstrip()


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("compare wine", "OTHER is missing: a file or data set with the same columns, such as "),
        ("compare", "REAL is missing: a .csv, .parquet, .jsonl or .txt file"),
        ("predict", "FAMILY is missing: the model: gaussian, kde, normal-mean"),
        ("advise --real 10", "--synthetic is missing: rows sampled from the last model"),
        ("advise --real 10 --synth 3", "'--synth', '3' are not understood"),
        ("run replace", "--estimator is missing: gaussian, kde (with --option bandwidth=0.5)"),
        ("sweep", "FILE is missing: the grid"),
        ("predict gaussian --samples", "--samples has no value: rows per batch: 100"),
        ("predict gaussian --samples --json", "--samples has no value: rows per batch: 100"),
        ("excess --losses 3,2 --at -1,10", "--at has no value: write it as --at=-1,10"),
        ("language checkpoint", "FAMILY is missing: gemma2, llama, qwen2 or gpt2"),
        ("diagnose", "no file is given: give a table or the folder of a language run"),
    ],
)
def test_what_is_missing_is_described(line, told, capsys):
    """By what its help says of it, and where the rest of the help is."""
    said = refused(line, capsys)
    assert told in said
    command = line.partition(" --")[0].split()[0]
    assert line == "diagnose" or f"see modelcollapse {command}" in said


@pytest.mark.parametrize("command", COMMANDS)
def test_a_misspelt_option_leads_to_the_help(command, capsys):
    """Of its own command, with the nearest option where there is one."""
    said = refused(f"{command} {NEEDED.get(command, '')} --jsno", capsys)
    assert "--jsno" in said
    assert f"(see modelcollapse {command} --help)" in said


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("predct gaussian", "unknown command 'predct'; did you mean predict"),
        ("advise --real 9 --synthetic 9 --generations 2 a b", "'a', 'b' are not understood"),
        ("language chekpoint", "'chekpoint' is not understood: options begin with --"),
        ("predict gaussian accumulate 40", "'40' is not understood"),  # and no budget
        ("excess replace 3", "'3' is not understood"),
        ("predict gaussian --temperature x", "temperature = 'x' is not valid: give a number"),
        ("predict gaussian --generations 2.5", "generations = '2.5' is not valid: give a whole"),
        ("reproduce --size large", "size = 'large' is not valid: give paper or quick"),
        ("predict gaussian --json=yeah", "--json takes no value: leave =yeah away"),
        ("predict gaussian --dim 1 --dim 2", "--dim is given more than once: give it once"),
    ],
)
def test_what_the_parser_refuses(line, told, capsys):
    """In the package's words."""
    assert refused(line, capsys).startswith(told)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("excess --workflow sliding-window --window 0", "window = 0 is not valid: give a whole"),
        ("predict gaussian --workflow edit --edits 0", "edits = 0 is not valid"),
        ("language --workflow sliding-window --window -1", "window = -1 is not valid"),
        ("excess --workflow sliding-window", "window is missing: the workflow 'sliding-window' "),
        ("excess --workflow fresh-data", "give real, such as 100"),
        ("excess --workflow weighted", "give weights, such as weights.csv"),
        ("excess --window 3", "not to 'replace': leave it out, or name that workflow"),
        ("predict gaussian --bandwidth 1", "belongs to 'kde', not to 'gaussian': leave it out"),
        ("excess --losses 3,2 --at 10", "losses = 3,2, at = 10: give two or more losses"),
        ("excess --losses 3,2 --at 10,10", "at = 10,10: give two or more losses"),
        ("excess --losses 3,2 --at 0,10", "at = 0,10: give two or more losses"),
        ("excess --losses nan,2 --at 9,10", "losses = 'nan,2' is not valid: give numbers, such "),
        ("excess --losses 3,2 --at 9,x", "at = '9,x' is not valid: give numbers, such as 1000,"),
        ("excess --losses 3,2", "losses is given without at, the rows of the fits: give both"),
        ("excess --at 3,2", "at is given without losses, those of the fits: give both"),
        ("simulate gaussian --test 10", "without a test set: leave test out"),
        (
            "run --estimator gaussian --data iris --selection best-of:0 --reward 1,0,0,0",
            "selection = 'best-of:0', reward = '1,0,0,0': k = 0",
        ),
        ("language --samples 0", "samples = 0 is not valid"),
        ("language --samples 10,-1", "samples[1] = -1 is not valid"),
    ],
)
def test_numbers_are_called_what_was_typed(line, told, capsys):
    """Not by the parameter that an option becomes, and with what to give."""
    assert told in refused(line, capsys)


READERS = {
    "diagnose": ("diagnose {}", (".csv", ".tsv", ".json", ".jsonl", ".parquet")),
    "compare": ("compare wine {}", (".csv", ".jsonl", ".parquet", ".txt")),
    "data": ("predict gaussian --data {}", (".csv", ".parquet")),
    "samples": ("predict gaussian --samples {}", (".csv",)),
    "weights": ("predict gaussian --workflow weighted --weights {}", (".csv",)),
    "rows": ("excess --workflow web --rows {}", (".csv",)),
    "sweep": ("sweep {}", (".toml",)),
}
FILES = [
    pytest.param(line, f"a{ending}", id=f"{reader}{ending}")
    for reader, (line, endings) in READERS.items()
    for ending in endings
]


@pytest.mark.parametrize(("line", "name"), FILES)
@pytest.mark.parametrize("kind", ["absent", "empty", "binary", "folder"])
def test_files_that_are_none(kind, line, name, tmp_path, monkeypatch, capsys):
    """Each is named, with a remedy, and without the words of a library or of the system."""
    monkeypatch.chdir(tmp_path)
    if kind == "folder":
        Path(name).mkdir()
    elif kind != "absent":
        Path(name).write_bytes(b"" if kind == "empty" else b"\xff\x00\xfe\x9f" * 40)

    said = refused(line.format(name), capsys)
    assert name in said
    assert "Errno" not in said
    assert "codec" not in said
    assert "specification" not in said
    remedies = ("check its name", "give ", "convert it", "save it as", "must be the header")
    assert any(remedy in said for remedy in remedies), said


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (errno.ENOENT, "No such file or directory: check its name"),
        (errno.EISDIR, "Is a directory: give a file inside it"),
        (errno.EACCES, "Permission denied: give a file that you may read"),
        (errno.EIO, "Input/output error: give another file"),
    ],
)
def test_why_a_file_is_not_read(code, told):
    """In the system's words, and with a remedy."""
    assert why_unread(OSError(code, os.strerror(code), "a.csv")) == told


@pytest.mark.parametrize(("line", "name"), FILES)
def test_files_that_may_not_be_read(line, name, tmp_path, monkeypatch, capsys):
    """Nor what is in a folder that may not be looked into."""
    monkeypatch.chdir(tmp_path)
    Path("closed").mkdir()
    Path("closed", name).touch()
    Path(name).touch(mode=0)
    if os.access(name, os.R_OK):
        pytest.skip("who may read everything is refused nothing")
    Path("closed").chmod(0)
    try:
        for path in (name, f"closed/{name}"):
            said = refused(line.format(path), capsys)
            assert "Permission denied: give a file that you may read" in said
    finally:
        Path("closed").chmod(0o700)


def test_an_empty_table_says_what_it_lacks(tmp_path, monkeypatch, capsys):
    """No column is asked for where there is nothing at all."""
    monkeypatch.chdir(tmp_path)
    for name, text in (("a.csv", ""), ("b.csv", "\n\n"), ("c.tsv", "")):
        Path(name).write_text(text)
        said = refused(f"diagnose {name}", capsys)
        assert said.startswith(f"{name} is empty: give a line of names, such as generation,loss")
