"""Options that are alike in all commands: quiet, --at, --output; help of one family; completion."""

import ast
import csv
import importlib
import inspect
import json
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from cyclopts import App

import modelcollapse as mc
from modelcollapse.cli import COMMANDS, EXAMPLES, LOOPS, QUESTIONS, main
from modelcollapse.cli.one_family import example
from modelcollapse.cli.options import LoopOptions
from modelcollapse.cli.output import Quiet
from modelcollapse.families.names import FAMILIES
from tests.cli.test_cli import wrong

LOOP = ["gaussian", "--generations", "12", "--samples", "10"]
SHOWS = {"progress", "shown"}  # what prints progress
GRID = """\
samples = 4
generations = 2
replicates = 5
model = { family = "gaussian" }
workflow = { name = "replace" }
"""
BUSY = {
    "predict": ["predict", *LOOP],
    "simulate": ["simulate", *LOOP, "--replicates", "50"],
    "verify": ["verify", "gaussian/accumulate/limit"],
    "verify a loop": ["verify", *LOOP, "--effect", "0.5"],
    "run": ["run", "--estimator", "gaussian", "--data", "wine", "--generations", "3"],
    "sweep": ["sweep", "grid.toml"],
}


def commands():
    """Give each command's words and its function."""
    for name in COMMANDS:
        command = getattr(importlib.import_module(f"modelcollapse.cli.{name}"), name)
        if not isinstance(command, App):
            yield name, command
            continue
        yield name, command.default_command
        for below in command:
            if not below.startswith("-"):
                yield f"{name} {below}", command[below].default_command


def shows_progress(function):
    """Tell whether a command's module calls what prints progress."""
    tree = ast.parse(inspect.getsource(inspect.getmodule(function)))
    calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return bool(SHOWS & {call.id for call in calls if isinstance(call, ast.Name)})


def test_every_command_that_shows_progress_can_be_quiet():
    """By the same option of the same meaning; no other command has it."""
    told = {words: inspect.signature(function).parameters for words, function in commands()}
    quiet = {words: p["quiet"] for words, p in told.items() if "quiet" in p}

    assert set(quiet) == {words for words, function in commands() if shows_progress(function)}
    assert {"predict", "simulate", "verify", "run", "sweep", "reproduce", "report"} <= set(quiet)
    assert {"language", "language value", "language checkpoint"} <= set(quiet)
    for option in quiet.values():
        assert option.annotation is Quiet
        assert option.default is False
        assert option.kind is option.KEYWORD_ONLY


@pytest.mark.parametrize("name", BUSY)
def test_quiet_shows_no_progress(capsys, monkeypatch, tmp_path, name):
    """A log that would get a line at each step gets none, and the result is the same."""
    monkeypatch.setattr("modelcollapse.cli.output.LOG_SECONDS", 0)
    monkeypatch.chdir(tmp_path)
    printed = []
    for option in ([], ["--quiet"]):
        Path("grid.toml").write_text(GRID)
        assert main([*BUSY[name], *option]) == 0
        out, err = capsys.readouterr()
        assert bool(re.search(r"^ *\d+% after", err, re.MULTILINE)) == (not option)
        printed.append(re.sub(r"[\d.]+ s$", "", out, flags=re.MULTILINE))
        shutil.rmtree("grid", ignore_errors=True)
    assert printed[0] == printed[1]


EVERY = {}  # the help of each command without a family


def helped(capsys, *words):
    """Return the help of a command, on a wide screen."""
    assert main([*words, "--help"]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("command", LOOPS)
def test_help_on_a_family_has_its_options_alone(capsys, monkeypatch, command, family):
    """With the loop's and the command's; without a family all are there."""
    monkeypatch.setenv("COLUMNS", "200")
    text, every = helped(capsys, command, family), EVERY.get(command) or helped(capsys, command)
    EVERY[command] = every
    own = {f"--{option.replace('_', '-')}" for option in FAMILIES[family].options}
    named = {
        f"--{field.name.replace('_', '-')}"
        for field in fields(LoopOptions)
        if any(field.name in builder.options for builder in FAMILIES.values())
    }

    shown = set(re.findall(r"(?<!\S)--[a-z-]+", text.split("Example:")[0]))
    assert shown & named == own
    assert {"--samples", "--generations", "--workflow", "--json", "--quiet"} <= shown
    assert ("--tolerance" in shown) == (command == "simulate" and family == "kde")
    assert named <= set(re.findall(r"(?<!\S)--[a-z-]+", every))
    assert "Usage: modelcollapse" in text
    assert f"Example: {example(command, family)}" in " ".join(text.split())
    assert f"modelcollapse {command} FAMILY --help" in " ".join(every.split())


def test_help_leads_to_the_commands_that_answer_questions(capsys):
    """Each of them has an example, and no other command has the questions."""
    text = helped(capsys)
    for line in QUESTIONS.splitlines():
        assert line in text
        assert line.split()[-1] in EXAMPLES
    for command in COMMANDS.keys() - set(LOOPS):
        shown = " ".join(helped(capsys, command).split())
        assert QUESTIONS.split("?")[0] not in shown
        given = EXAMPLES.get(command)
        assert (f"Example: modelcollapse {given}" in shown) if given else "Example:" not in shown


def test_examples_of_questions_run(tmp_path, monkeypatch):
    """As they are printed, on files of these names."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    rows = [f"{x},{y}" for x, y in rng.normal(size=(200, 2))]
    Path("real.csv").write_text("\n".join(["a,b", *rows[:100]]) + "\n")
    Path("synthetic.csv").write_text("\n".join(["a,b", *rows[100:]]) + "\n")
    lines = [
        f"{step},{seed},{name},{2 + step * seed}"
        for name in ("one", "other")
        for seed in range(5)
        for step in range(1, 4)
    ]
    Path("losses.csv").write_text("\n".join(["step,seed,setting,eval_loss", *lines]) + "\n")
    for given in EXAMPLES.values():
        assert main(shlex.split(given)) == 0
    assert Path("shrank.png").exists()


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("command", ["predict", "simulate"])
def test_examples_run(capsys, command, family):
    """As they are printed."""
    program, *words = shlex.split(example(command, family))

    assert program == "modelcollapse"
    assert main([*words, "--quiet"]) == 0
    assert capsys.readouterr().out


def test_predict_at_generations(capsys):
    """The table, JSON and files have these alone, with the numbers of the whole prediction."""
    at, rows = [1, 5, 12], np.array([0, 4, 11])
    prediction = mc.predict(mc.Experiment(mc.Gaussian(), mc.Replace(), 10, 12))
    assert main(["predict", *LOOP, "--at", "1,5,12"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[2:6]] == ["1", "5", "12", "limit"]
    assert main(["predict", *LOOP, "--at", "1,5,12", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["generation"] == at
    for name in ("variance", "test_log_loss"):
        assert told["expected"][name] == prediction[name][rows].tolist()
    assert set(told["variances"]) == set(prediction.variances)
    for name, values in told["variances"].items():
        assert values == prediction.variances[name][rows].tolist()
    for name, laws in prediction.laws.items():
        assert told["laws"][name]["variance"] == [laws[row].variance for row in rows]
    assert told["laws"]


def test_predict_writes_files(capsys, tmp_path):
    """CSV and Parquet have a row for each generation; JSON is what --json prints."""
    import polars as pl

    call = ["predict", *LOOP, "--at", "2,12"]
    paths = {ending: tmp_path / f"told.{ending}" for ending in ("csv", "parquet", "json")}
    for path in paths.values():
        assert main([*call, "--output", str(path)]) == 0
        assert capsys.readouterr().out == ""
    assert main([*call, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert json.loads(paths["json"].read_text()) == told
    rows = list(csv.DictReader(paths["csv"].read_text().splitlines()))
    table = pl.read_parquet(paths["parquet"])
    columns = {
        "generation": told["generation"],
        **told["expected"],
        **{f"variance_of_{name}": values for name, values in told["variances"].items()},
    }
    assert table.columns == list(rows[0]) == list(columns)
    for name, values in columns.items():
        assert table[name].to_list() == values
        assert [float(row[name]) for row in rows] == values


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--at", "1,60"], "at = [1, 60]: give increasing generations between 1 and 12"),
        (["--at", "5,1"], "at = [5, 1]"),
        (["--at", "x"], "at = 'x': give generations, such as 1,10,100"),
        (["--output", "told.txt"], "the name must end in .csv or .parquet or .json"),
        (["--output", "none/told.csv"], "there is no folder"),
    ],
)
def test_wrong_generations_and_files_are_one_line(capsys, monkeypatch, tmp_path, options, said):
    """Before anything is computed; nothing is left."""
    monkeypatch.chdir(tmp_path)

    assert said in wrong(capsys, "predict", *LOOP, *options)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_installed_by_one_command(capsys, monkeypatch, tmp_path, shell):
    """The script names all commands, and options of them; nothing is written elsewhere."""
    for name in ("ZSH", "ZSH_CUSTOM", "XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert main(["--install-completion", "--shell", shell]) == 0
    line = capsys.readouterr().out.splitlines()[0]
    (path,) = (p for p in tmp_path.rglob("*modelcollapse*") if p.is_file())

    assert line.endswith(str(path))
    text = path.read_text()
    for command in COMMANDS:
        assert command in text
    for option in ("scoring-bandwidth", "install-completion", "quiet", "most"):
        assert option in text
    if program := shutil.which(shell):
        subprocess.run([program, "-n", path], check=True, timeout=60)


@pytest.mark.parametrize(
    ("words", "among"),
    [
        (["predict", ""], set(FAMILIES)),
        (["simulate", ""], set(FAMILIES)),
        (["cite", ""], {*COMMANDS, *(theorem.slug for theorem in mc.theorems())}),
        (["theorems", ""], {theorem.slug for theorem in mc.theorems()}),
        (["verify", ""], {*FAMILIES, *(theorem.slug for theorem in mc.theorems())}),
    ],
)
def test_completion_offers_families_and_slugs(capsys, words, among):
    """After the command that takes one."""
    assert main(["__complete", *words]) == 0
    lines = capsys.readouterr().out.splitlines()

    assert among <= {line.split("\t")[0] for line in lines}


def test_bash_completes(monkeypatch, tmp_path):
    """The script, sourced, completes commands, options and families."""
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("there is no bash")
    monkeypatch.setenv("HOME", str(tmp_path))
    script = tmp_path / "script"
    assert main(["--install-completion", "--shell", "bash", "--output", str(script)]) == 0
    program = tmp_path / "modelcollapse"
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m modelcollapse "$@"\n')
    program.chmod(0o755)
    lines = [
        f"source {shlex.quote(str(script))}",
        f"PATH={shlex.quote(str(tmp_path))}:$PATH",
        'tried() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); COMP_LINE="$*";',
        '  COMP_POINT=${#COMP_LINE}; _modelcollapse modelcollapse; echo "${COMPREPLY[@]}"; }',
        "tried modelcollapse theor",
        "tried modelcollapse predict kde --bandw",
        "tried modelcollapse predict po",
    ]
    done = subprocess.run(
        [bash, "-c", "\n".join(lines)], capture_output=True, text=True, check=True, timeout=300
    )

    assert done.stdout.split() == ["theorems", "--bandwidth", "poisson"]
