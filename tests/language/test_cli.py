"""``modelcollapse language``: what it prints, writes, refuses and leaves."""

import csv
import importlib.util
import json
import os
import signal
import subprocess
import sys
import time

import pytest

from modelcollapse.cli import main
from modelcollapse.language import backend, work
from tests.helpers.language_models import folder, lines, offline

__all__ = ["offline"]
pytestmark = pytest.mark.language

QUICK = {"learning-rate": 1e-3, "batch-size": 8, "accumulation": 1, "max-length": 24}
QUICK |= {"sampling-batch": 64, "threads": 1}
BLOCKED = """
import socket, sys
def refuse(*_, **__):
    raise OSError("no network in this test")
socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = refuse
from modelcollapse.cli import main
sys.exit(main())
"""


def arguments(output, *more, **changes):
    """Return the command line of a loop that takes a second; `more` wins over its options."""
    options = {"model": folder(), "data": lines(), "held-out": 12, "samples": 24}
    options |= {"generations": 2, "output": output, **QUICK, **changes}
    words = [[f"--{name}", str(value)] for name, value in options.items()]
    return ["language", *(w for pair in words if pair[0] not in more for w in pair), *more]


def table(output):
    """Return the rows of results.csv, without what differs from run to run."""
    with (output / "results.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    return [{k: v for k, v in row.items() if "seconds" not in k} for row in rows]


def test_a_run_shows_and_writes(tmp_path, capsys):
    """A table on standard output, progress on standard error, and three files."""
    output = tmp_path / "run"
    assert main(arguments(output)) == 0
    out, err = capsys.readouterr()

    assert "workflow" in out
    assert "replace" in out
    assert "accumulate less replace" in out
    assert ("were accepted. The others" in out) == (
        min(float(row["acceptance"]) for row in table(output) if row["acceptance"]) < 1
    )
    assert "real, seed 0, generation 1: loss" in err
    assert {"results.csv", "loss.png", "samples.md"} <= {path.name for path in output.iterdir()}
    assert {row["workflow"] for row in table(output)} == {
        *("base", "replace", "accumulate", "accumulate-subsample"),
    }


def test_the_same_command_resumes(tmp_path, capsys):
    """More generations go on; nothing finished is trained again, and the numbers are the same."""
    assert main(arguments(tmp_path / "run", "--workflow", "replace")) == 0
    capsys.readouterr()
    assert main(arguments(tmp_path / "run", "--workflow", "replace", generations=3)) == 0
    announced = [line for line in capsys.readouterr().err.splitlines() if ": loss" in line]
    assert main(arguments(tmp_path / "whole", "--workflow", "replace", generations=3)) == 0

    assert len(announced) == 1
    assert table(tmp_path / "run") == table(tmp_path / "whole")


def test_json(tmp_path, capsys):
    """With --json standard output is one object and nothing else."""
    assert main(arguments(tmp_path / "run", "--workflow", "replace", "--json")) == 0
    value = json.loads(capsys.readouterr().out)

    assert value["configuration"]["recipe.max_length"] == 24
    assert value["results"]["generation"] == [0, 1, 2]


def test_workflows_take_their_own_options(tmp_path):
    """A budget, a window and a share belong to their workflows."""
    words = ["--workflow", "accumulate-subsample", "--budget", "7", "--workflow", "sliding-window"]
    words += ["--window", "2", "--workflow", "keep-real", "--share", "0.5", "--retokenise"]
    words += ["--training", "weight_decay=0.1"]
    assert main(arguments(tmp_path / "run", *words)) == 0
    trained = {(row["workflow"], row["generation"]): row for row in table(tmp_path / "run")}
    about = json.loads((tmp_path / "run" / "run.json").read_text())["configuration"]

    assert about["recipe.retokenise"] is True
    assert about["recipe.training"] == {"weight_decay": 0.1}
    assert trained["accumulate-subsample-budget-7", "2"]["training_rows"] == "7"
    assert trained["sliding-window-k-2", "2"]["training_rows"] == "48"
    assert trained["keep-real-share-0.5", "2"]["training_rows"] == "48"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--workflow", "replce"], "unknown workflow 'replce'; did you mean replace"),
        (["--budget", "5", "--workflow", "replace"], "belongs to the workflow"),
        (["--workflow", "sliding-window"], "window is missing"),
        (["--workflow", "replace", "--workflow", "replace"], "none twice"),
        (["--seeds", "0,x"], "seeds = '0,x': give whole numbers"),
        (["--seeds", "1,1"], "give different numbers"),
        (["--samples", "99"], "usable training rows"),
        (["--generations", "0"], "generations = 0"),
        (["--max-length", "3"], "max_length = 3"),
        (["--max-length", "9999"], "positions"),
        (["--temperature", "-1"], "temperature = -1"),
        (["--learning-rate", "0"], "learning_rate = 0"),
        (["--warmup", "1"], "warmup = 1"),
        (["--jobs", "0"], "jobs = 0"),
        (["--report-to", "tensorbord"], "did you mean tensorboard"),
        (["--report-to", "comet_ml"], "this tracker is not installed"),
        (["--training", "max_steps=3"], "say it by steps"),
        (["--training", "weight_dekay=3"], "did you mean weight_decay"),
        (["--training", "nothing"], "give name=value, or a JSON file"),
        (["--lora", "r"], "lora = 'r' is not valid: give name=value, or a JSON file"),
        (["--lora", "peft_type=LORA"], "lora: peft_type is said by the loop"),
        (["--template", "chat"], "has no chat template: take a model that was taught one"),
        (["--loss-on", "completion"], "give prompts = 'real'"),
        (["--keep", "some"], "keep"),
        (["--columns", "a,b"], "columns = 'a,b'"),
        (["--data", "no-such-file.jsonl"], "no such file"),
        (["--data", "grammer"], "did you mean grammar"),
        (["--model", "tiny-gema2"], "did you mean tiny-gemma2"),
        (["--held-out", "0"], "held_out = 0"),
    ],
)
def test_wrong_use(tmp_path, capsys, more, message):
    """One line on standard error, exit status 2, and no folder."""
    assert main(arguments(tmp_path / "run", *more)) == 2
    out, err = capsys.readouterr()

    assert message in err
    assert len(err.splitlines()) == 1
    assert out == ""
    assert not (tmp_path / "run").exists()


def test_another_run_in_the_folder(tmp_path, capsys):
    """The difference is shown, and nothing is overwritten."""
    output = tmp_path / "run"
    assert main(arguments(output, "--workflow", "replace")) == 0
    before = {path: path.stat().st_mtime_ns for path in output.rglob("*")}
    capsys.readouterr()
    assert main(arguments(output, "--workflow", "replace", "--temperature", "0.5")) == 2

    assert "recipe.temperature is 1.0 there and 0.5 here" in capsys.readouterr().err
    assert {path: path.stat().st_mtime_ns for path in output.rglob("*")} == before


def test_an_interruption_keeps_what_is_finished(tmp_path, capsys, monkeypatch):
    """Ctrl-C in generation 2: generation 1 is shown, and the same command goes on."""
    output = tmp_path / "run"

    def within(report, sizes, number):
        inner = work.within(report, sizes, number)

        def stop(share, what):
            if "generation 2" in what:
                raise KeyboardInterrupt
            inner(share, what)

        return stop

    with monkeypatch.context() as patch:
        patch.setattr("modelcollapse.language.chain.within", within)
        assert main(arguments(output, "--workflow", "replace")) == 130
    out, err = capsys.readouterr()

    assert "the same command goes on" in err
    assert "real" in out
    assert not list(output.rglob("*.partial"))
    assert main(arguments(output, "--workflow", "replace")) == 0


def test_without_the_extra(tmp_path, capsys, monkeypatch):
    """The command that installs what is missing is named."""
    find = importlib.util.find_spec
    monkeypatch.setattr(
        backend.importlib.util, "find_spec", lambda name: None if name == "torch" else find(name)
    )
    assert main(arguments(tmp_path / "run")) == 2
    assert "in a clone, install it with: pip install '.[language]'" in capsys.readouterr().err


@pytest.fixture(scope="module")
def stopped(interruptible, tmp_path_factory):
    """Return how a process ended that could open no connection, and got SIGINT as it trained.

    Nobody told it that there is no hub.
    """
    del interruptible
    output = tmp_path_factory.mktemp("stopped") / "run"
    with backend.threads(1):
        words = arguments(output, "--workflow", "replace", generations=200)
    environment = {name: v for name, v in os.environ.items() if not name.startswith("HF_")}
    command = [sys.executable, "-c", BLOCKED, *words]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
    while process.poll() is None and not list(output.rglob("generation-002/metrics.json")):
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    return output, process.returncode, err


def test_no_network_is_needed(stopped):
    """A process that cannot open a connection trains, judges, samples and reports."""
    output, _, err = stopped

    assert [row["outcome"] for row in table(output)][:2] == ["completed"] * 2, err
    assert "no network" not in err


def test_a_signal_stops_the_process_cleanly(stopped):
    """SIGINT while it trains: status 130, no traceback, nothing half-written."""
    output, status, err = stopped

    assert status == 130, err
    assert "Traceback" not in err
    assert not list(output.rglob("*.partial"))
    assert (output / "results.csv").exists()


def test_two_processes_share_a_generation(tmp_path):
    """As ``accelerate launch`` starts them: one writes, and both train and sample.

    A loss over rows is over those of both.
    """
    words = arguments(tmp_path / "run", "--workflow", "replace", "--loss", "rows")
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    command = [sys.executable, *launcher, "-m", "modelcollapse", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=200)

    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "run/run.json").read_text())["configuration"]["processes"] == 2
    rows = table(tmp_path / "run")
    assert [(row["generation"], row["steps"], row["sampled"]) for row in rows] == [
        ("0", "0", ""),
        ("1", "2", "24"),
        ("2", "2", "24"),
    ]
    assert done.stdout.count("2-gram entropy") == 1


def test_value(tmp_path, capsys):
    """The grid's table, regressions and picture."""
    options = {"model": folder(), "data": lines(), "held-out": 12, "output": tmp_path / "value"}
    options |= {"real": "0,8,16,24", "synthetic": "0,16", **QUICK}
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    assert main(["language", "value", *words]) == 0
    out, _ = capsys.readouterr()

    assert "proportion" in out
    assert (tmp_path / "value/value.png").stat().st_size > 5000
    assert main(["language", "value", *words, "--json"]) == 0
    value = json.loads(capsys.readouterr().out)
    assert len(value["cells"]["loss"]) == 8


def test_help_needs_no_torch():
    """Help is instant: nothing heavy is imported for it."""
    code = (
        "import sys; from modelcollapse.cli import main; main(['language', '--help']); "
        "assert not {'torch', 'transformers', 'datasets'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
