"""The loop on small models: what it trains on, how it resumes, and how it fails."""

import errno
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import namedtuple
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock
from joblib import delayed, parallel_config
from joblib.externals.loky import get_reusable_executor

from modelcollapse import Accumulate, AccumulateSubsample, InvalidInput, KeepReal, Replace
from modelcollapse import SlidingWindow as Window
from modelcollapse._support.sealed import read_json, read_table, write_json
from modelcollapse._support.workers import spread
from modelcollapse.language import (
    Options,
    Results,
    backend,
    batch,
    devices,
    loop,
    run,
    sampling,
    shipped,
    trained,
)
from modelcollapse.language import chain as generations_of
from modelcollapse.language.base import Base
from modelcollapse.language.evaluation import row_nats
from modelcollapse.language.folder import read_rows, write_rows
from modelcollapse.language.foresight import foreseen
from modelcollapse.language.settings import prepare
from modelcollapse.language.training import fine_tune
from modelcollapse.language.value import value
from tests.helpers.language_models import (
    encoder,
    lines,
    offline,  # noqa: F401
    options,
    same_state,
    settings,
    state,
    tokenizer,
)
from tests.helpers.toys import Reservoir

pytestmark = pytest.mark.language

SEED = 3
Usage = namedtuple("Usage", "total used free")  # noqa: PYI024 - that of shutil


def go(output, *workflows, keep="none", jobs=1, said=None, announce=None, **changes):
    """Run a small loop."""
    arguments = {"generations": 2, "seeds": (SEED,), "workflows": workflows or (Replace(),)}
    arguments |= {key: changes.pop(key) for key in ("generations", "seeds") if key in changes}
    said = said or settings(**changes)
    return run(said, output, **arguments, options=options(keep, jobs), announce=announce)


def record(folder, chain, t, seed=SEED):
    """Return the metrics of a generation."""
    path = folder / f"seed-{seed}" / chain / f"generation-{t:03}" / "metrics.json"
    return read_json(path)


def samples(folder, chain, t, seed=SEED):
    """Return the rows that a generation sampled."""
    return read_rows(folder / f"seed-{seed}" / chain / f"generation-{t:03}" / "samples.parquet")


def results(folder):
    """Return all numbers and rows of a run, but for the times that it took."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.suffix == ".parquet":
            found[name] = read_table(path).to_dict(as_series=False)
        elif path.name == "metrics.json":
            metrics = read_json(path).items()
            found[name] = {key: x for key, x in metrics if not key.endswith("_seconds")}
    return found


def snapshot(folder):
    """Return the content and the time of every file but the lock."""
    return {
        path: (path.read_bytes(), path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "lock"
    }


def partials(folder):
    """Return what was left half-written."""
    return list(folder.rglob("*.partial"))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Return the folder of three generations of two workflows that were never stopped."""
    with backend.threads(1):
        return go(
            tmp_path_factory.mktemp("whole") / "run",
            *(Accumulate(), Replace()),
            generations=3,
            keep="all",
        )


def weights_of(folder, chain, t):
    """Return the weights that a generation saved."""
    from safetensors.torch import load_file

    return load_file(
        folder / f"seed-{SEED}" / chain / f"generation-{t:03}" / "model" / "model.safetensors"
    )


def by_hand(rows, t, weights=None):
    """Return the base fine-tuned on rows, or on tokens, with the streams of generation t."""
    setup = prepare(settings())
    model = setup.base.model(backend.derived(SEED, backend.INITIAL, t))
    with backend.quiet():
        fine_tune(
            model,
            setup.encoder,
            setup.encoder.encode(rows) if isinstance(rows[0], dict) else rows,
            setup.recipe,
            backend.derived(SEED, backend.TRAIN, t),
            weights=weights,
        )
    return model


def saved(model):
    """Return the weights of a model that a file would hold: tied ones once."""
    kept = state(model)
    kept.pop("lm_head.weight", None)
    return kept


def test_generation_one_is_plain_fine_tuning(whole):
    """Bit for bit: the base, the real rows, the seed's streams; judged on the held-out rows."""
    setup = prepare(settings())
    real = read_rows(whole / f"seed-{SEED}" / "real.parquet")
    model = by_hand(real, 1)
    found = record(whole, "real", 1)
    nats = row_nats(model, setup.encoder, setup.held_out_examples)
    told = read_table(
        whole / f"seed-{SEED}" / "real" / "generation-001" / "held_out.parquet"
    ).to_dict(as_series=False)

    assert real == setup.draw(24, SEED)
    assert read_rows(whole / "held_out.parquet") == setup.held_out
    assert same_state(weights_of(whole, "real", 1), saved(model))
    assert told == {
        "nats": nats.tolist(),
        "tokens": [len(ids) - 1 for ids in setup.held_out_examples],
    }
    assert found["row_loss"] == pytest.approx(nats.mean(), rel=1e-12)
    tokens = sum(len(ids) - 1 for ids in setup.held_out_examples)
    assert found["loss"] == pytest.approx(nats.sum() / tokens, rel=1e-12)
    assert (found["steps"], found["training_rows"], found["real_share"]) == (3, 24, 1)


def test_generation_zero_is_the_base(copied, whole):
    """Bit for bit: nothing is trained. It is in the table once, and has no seed of its own."""
    setup = prepare(settings())
    nats = row_nats(setup.base.model(0), setup.encoder, setup.held_out_examples)
    results, lines = Results.read(whole), []
    table = results.table()

    assert read_table(whole / "base" / "held_out.parquet")["nats"].to_list() == nats.tolist()
    assert results.base["row_loss"] == pytest.approx(nats.mean(), rel=1e-12)
    assert (table["workflow"][0], table["generation"].count(0)) == ("base", 1)
    assert np.isnan(table["seed"][0])
    assert table["loss"][1:] == [record["loss"] for record in results.records.values()]
    assert results.values("loss", "replace").shape == (1, 3)
    shutil.rmtree(copied / "base")
    go(copied, Replace(), generations=3, announce=lines.append)
    assert [line.partition(":")[0] for line in lines if ": loss" in line] == ["base, generation 0"]
    assert (copied / "base" / "held_out.parquet").read_bytes() == (
        whole / "base" / "held_out.parquet"
    ).read_bytes()


@pytest.mark.parametrize("t", [2, 3])
def test_later_generations_start_from_the_base(whole, t):
    """Replace trains the base on the last samples alone, accumulate on all rows, bit for bit."""
    real = read_rows(whole / f"seed-{SEED}" / "real.parquet")
    for chain in ("replace", "accumulate"):
        batches = [real] + [samples(whole, "real" if s == 1 else chain, s) for s in range(1, t)]
        rows = batches[-1] if chain == "replace" else [row for batch in batches for row in batch]
        found = record(whole, chain, t)
        assert same_state(weights_of(whole, chain, t), saved(by_hand(rows, t)))
        assert found["training_rows"] == len(rows) == (24 if chain == "replace" else 24 * t)
        assert found["real_share"] == (0 if chain == "replace" else 1 / t)


def test_a_share_of_real_rows_is_their_weight(tmp_path):
    """KeepReal(0.25): weights with mean 1, three times as much on the synthetic rows."""
    folder = go(tmp_path / "run", KeepReal(0.25), keep="all")
    rows = read_rows(folder / f"seed-{SEED}" / "real.parquet") + samples(folder, "real", 1)
    label = generations_of.label(KeepReal(0.25))
    model = by_hand(rows, 2, np.repeat([0.5, 1.5], 24))

    assert same_state(weights_of(folder, label, 2), saved(model))
    assert not same_state(weights_of(folder, label, 2), saved(by_hand(rows, 2)))
    assert record(folder, label, 2)["real_share"] == 0.5


def test_workflows_that_are_the_same_give_the_same_bits(tmp_path):
    """A window of one is replace, and keeping the real rows is accumulate in generation 2."""
    folder = go(tmp_path / "run", Replace(), Window(1), Accumulate(), KeepReal(), Window(2))
    one, window, pool, kept, both = (
        {k: x for k, x in record(folder, generations_of.label(w), 2).items() if "seconds" not in k}
        for w in (Replace(), Window(1), Accumulate(), KeepReal(), Window(2))
    )
    for metrics in (one, window, pool, kept, both):
        metrics.pop("workflow")

    assert one == window
    assert pool == kept == both
    assert one != pool


def test_schedules_budgets_and_windows(tmp_path):
    """The numbers of rows trained on and sampled; a budget below the real batch is not shared."""
    workflows = (Accumulate(), AccumulateSubsample(10), AccumulateSubsample(), Window(2))
    folder = go(tmp_path / "run", *workflows, generations=3, samples=[12, 18, 24])
    rows = {
        "accumulate": [12, 30, 54],
        generations_of.label(AccumulateSubsample(10)): [10, 10, 10],
        "accumulate-subsample": [12, 18, 24],
        generations_of.label(Window(2)): [12, 30, 42],
    }

    for (chain, wanted), workflow in zip(rows.items(), workflows, strict=True):
        first = chain if workflow == AccumulateSubsample(10) else "real"
        found = [record(folder, first if t == 1 else chain, t) for t in (1, 2, 3)]
        assert chain == generations_of.label(workflow)
        assert [m["training_rows"] for m in found] == wanted
        assert [m["sampled"] for m in found] == [18, 24, 24]
        assert all(m["outcome"] == "completed" for m in found)
        assert all(m["tried"] >= m["sampled"] for m in found)
        assert len(samples(folder, chain, 3)) == 24
    assert record(folder, generations_of.label(Window(2)), 3)["real_share"] == 0


def test_a_run_that_is_prolonged_is_one_that_was_not(tmp_path, whole):
    """One generation, then a workflow, then all; nothing that is finished is written again."""
    go(tmp_path / "run", Replace(), generations=1)
    go(tmp_path / "run", Replace(), generations=2)
    before = snapshot(tmp_path / "run")
    go(tmp_path / "run", Accumulate(), Replace(), generations=3)
    after = snapshot(tmp_path / "run")

    assert {path: after[path] for path in before} == before
    assert results(tmp_path / "run") == results(whole)
    go(tmp_path / "run", Accumulate(), generations=2)
    assert snapshot(tmp_path / "run") == after


def test_seeds_do_not_depend_on_each_other(tmp_path):
    """Two seeds at once, or one after the other; they differ."""
    both = go(tmp_path / "both", seeds=(4, 5))
    go(tmp_path / "one", seeds=(5,))
    one = go(tmp_path / "one", seeds=(4,))

    assert results(one) == results(both)
    assert samples(both, "replace", 2, 4) != samples(both, "replace", 2, 5)
    assert (both / "seed-4" / "real.parquet").exists()


CHILD = """
import sys
from pathlib import Path
from modelcollapse import Accumulate, Replace
from tests.helpers.language_models import settings
from tests.language.test_loop import go
if __name__ == "__main__":
    out, model, data = sys.argv[1:]
    said = settings(model=model, data=data)
    go(Path(out), Accumulate(), Replace(), generations=3, said=said)
"""


def child(output):
    """Start the run of `whole` in another process."""
    said, root = settings(), Path(__file__).parents[2]
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, str(output), said.model, said.data],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root), "HF_HUB_OFFLINE": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def test_a_killed_run_resumes(tmp_path, whole):
    """Killed within a generation, with no chance to clean up; others are kept out meanwhile."""
    output = tmp_path / "run"
    process = child(output)
    pattern = f"seed-{SEED}/accumulate/generation-002.*.partial"
    while process.poll() is None and not list(output.glob(pattern)):
        time.sleep(0.002)
    process.send_signal(signal.SIGSTOP)
    with pytest.raises(InvalidInput, match="another process is working in it"):
        go(output)
    left = partials(output)
    process.kill()
    error = process.communicate()[1]
    assert left, error
    assert process.returncode == -signal.SIGKILL
    go(output, Accumulate(), Replace(), generations=3)

    assert results(output) == results(whole)
    assert partials(output) == []


@pytest.fixture(scope="module")
def ended():
    """End the processes: the first test starts them, and the others find them."""
    yield
    get_reusable_executor().shutdown(wait=True)


@pytest.fixture
def processes(ended, monkeypatch):
    """Return a number of processes.

    There seem to be two GPUs, so that each process is given one of them; none can use it.
    """
    del ended
    monkeypatch.setattr(devices, "visible", lambda: ("5", "7"))
    return 2


def gpu_of_a_process(folder):
    """Return which GPU a process was given, once two of them have been asked."""
    (folder / str(os.getpid())).touch()
    until = time.monotonic() + 60
    while len(list(folder.iterdir())) < 2 and time.monotonic() < until:
        time.sleep(0.002)
    return os.environ[devices.VISIBLE]


def test_processes_give_the_same_bits(tmp_path, whole, processes):
    """Two processes with one thread each against one with one thread."""
    go(tmp_path / "run", Accumulate(), Replace(), generations=3, jobs=processes)
    met = tmp_path / "met"
    met.mkdir()
    calls = [delayed(gpu_of_a_process)(met) for _ in range(2)]
    gpus = spread(calls, 2, ordered=False, begin=devices.places(processes), batch_size=1)

    assert results(tmp_path / "run") == results(whole)
    assert sorted(gpus) == ["5", "7"]
    with parallel_config(backend="threading"), pytest.raises(InvalidInput, match="processes are"):
        list(spread(calls, 2, begin=devices.places(processes)))


def test_processes_give_the_same_grid(tmp_path, processes):
    """A grid of fits, too; its generation and its cells are announced, and the share grows."""
    lines, shares = [], []
    sizes = {"settings": settings(samples=None), "real": (24,), "synthetic": (0, 40)}
    one = value(output=tmp_path / "one", **sizes, options=options())
    more = value(
        output=tmp_path / "more",
        **sizes,
        options=options(jobs=processes),
        report=lambda share, what: shares.append(share) if "processes" in what else None,
        announce=lines.append,
    )
    configurations = [
        json.loads((path / "run.json").read_text())["configuration"] for path in (one, more)
    ]

    assert results(more) == results(one)
    assert configurations[0] == configurations[1]
    assert len(lines) == 3 + 3
    assert shares == sorted(shares)
    assert shares[-1] == 1


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        (
            {"recipe": {"temperature": 0.5}},
            "recipe.temperature is 1.0 there and 0.5 here",
        ),
        ({"from_scratch": True}, "from_scratch is False there and True here"),
        ({"held_out": 10}, "held_out is 12 there and 10 here"),
        ({"family": "qwen2"}, "weights is 'sha256 "),
        ({"data": "other"}, "training_rows is 'sha256 "),
        ({"samples": 20}, "samples"),
        ({"samples": [24, 20]}, "samples"),
    ],
)
def test_another_run_is_refused(whole, changes, difference):
    """Each difference is named, and nothing in the folder changes."""
    if "data" in changes:
        changes = {"data": str(lines(90))}
    before = snapshot(whole)
    with pytest.raises(InvalidInput) as caught:
        go(whole, Replace(), **changes)

    assert difference in str(caught.value)
    assert "\n" not in str(caught.value)
    assert snapshot(whole) == before


def test_another_number_of_processes_is_refused(monkeypatch, whole):
    """A step would see other rows; so the folder of one process is none of two."""
    monkeypatch.setattr(backend, "world", lambda: 2)
    with pytest.raises(InvalidInput, match="processes is 1 there and 2 here"):
        go(whole, Replace())


def test_a_folder_of_others_is_refused(tmp_path):
    """A folder with other files, or a file, is left as it is; an empty folder is taken."""
    other = tmp_path / "other"
    other.mkdir()
    (other / "letter.txt").write_text("dear")
    before = snapshot(tmp_path)
    for path in (other, other / "letter.txt"):
        with pytest.raises(InvalidInput, match="is not the folder of a run: give another"):
            go(path)
    with pytest.raises(InvalidInput, match="cannot be written"):
        go(other / "letter.txt" / "run")

    assert snapshot(tmp_path) == before
    (tmp_path / "empty").mkdir()
    assert go(tmp_path / "empty", generations=1) == tmp_path / "empty"


def test_a_run_that_was_killed_as_it_began_goes_on(tmp_path):
    """What is left of a header that was never finished is no reason to refuse the folder."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json.0123abcd.partial").write_text("{")

    assert record(go(tmp_path / "run", generations=1), "real", 1)["outcome"] == "completed"


def test_other_peoples_files_stay(tmp_path):
    """Whatever they are called and wherever they lie; what a killed run left is removed."""
    run_folder = go(tmp_path / "run", generations=1)
    seed = run_folder / f"seed-{SEED}"
    mine = [
        run_folder / "a.partial",
        seed / "notes.partial",
        seed / "real" / "mine.0123abcd.partial",
    ]
    left = [
        seed / "real.parquet.0123abcd.partial",
        seed / "real" / "generation-002.89abcdef.partial",
    ]
    for path in (*mine, *left):
        path.mkdir()
        (path / "file").write_text("mine")
    go(run_folder, generations=1)
    assert [path.exists() for path in (*mine, *left)] == [True] * 3 + [False] * 2


@pytest.fixture
def copied(tmp_path, whole):
    """Return a copy of the finished run that a test may damage."""
    shutil.copytree(whole, tmp_path / "run")
    return tmp_path / "run"


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b"\xff"])
@pytest.mark.parametrize("name", ["run.json", "generation-001/metrics.json"])
def test_damaged_records(copied, whole, name, content):
    """A generation is done again; what the folder is a run of is not guessed."""
    path = copied / name if name == "run.json" else copied / f"seed-{SEED}" / "real" / name
    path.write_bytes(content)
    before, found = snapshot(copied), []
    if name == "run.json":
        with pytest.raises(InvalidInput, match=r"run.json is damaged; give another folder") as told:
            go(copied, generations=3)
        assert str(copied) in str(told.value)
        assert snapshot(copied) == before
    else:
        go(copied, Accumulate(), Replace(), generations=3, announce=found.append)
        assert [line for line in found if "damaged, and done again" in line and str(path) in line]
        assert results(copied) == results(whole)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("real.parquet", b""),
        ("real.parquet", "half"),
        ("real.parquet", "fewer"),
        ("real.parquet", "flipped"),
        ("real/generation-001/samples.parquet", b"PAR1"),
        ("real/generation-001/samples.parquet", "half"),
        ("real/generation-001/samples.parquet", "flipped"),
        ("real/generation-001/held_out.parquet", "flipped"),
        ("real/generation-001/samples.parquet", "absent"),
        ("real/generation-001/samples.parquet", "fewer"),
    ],
)
def test_damaged_rows(copied, whole, name, content):
    """Rows that are not those that were written are named, and made again; no others are used."""
    path = copied / f"seed-{SEED}" / name
    rows = read_rows(path)
    if content == "fewer":
        write_rows(path, rows[:-1])
    elif content == "flipped":
        data = bytearray(path.read_bytes())
        data[len(data) // 3] ^= 1
        path.write_bytes(data)
    elif content == "absent":
        path.unlink()
    else:
        data = path.read_bytes()
        path.write_bytes(data[: len(data) // 2] if content == "half" else content)
    shutil.rmtree(copied / f"seed-{SEED}" / "replace")
    found = []
    if content == "fewer":  # whole, but somebody else's
        with pytest.raises(InvalidInput, match=re.escape(str(path))):
            go(copied, generations=2)
    else:
        go(copied, Accumulate(), Replace(), generations=3, announce=found.append)
        assert [line for line in found if "damaged, and" in line and str(path) in line]
        assert results(copied) == results(whole)
    assert partials(copied) == []


def test_a_generation_without_its_record_is_done_again(copied, whole):
    """If someone deleted metrics.json, or said in an error to delete the folder."""
    (copied / f"seed-{SEED}" / "replace" / "generation-002" / "metrics.json").unlink()
    shutil.rmtree(copied / f"seed-{SEED}" / "accumulate" / "generation-002")
    go(copied, Accumulate(), Replace(), generations=3)

    assert results(copied) == results(whole)


def test_a_folder_is_locked(tmp_path):
    """While a lock is held, nothing starts; afterwards it does."""
    folder = go(tmp_path / "run", generations=1)
    before = snapshot(folder)
    with FileLock(folder / "lock"), pytest.raises(InvalidInput, match="another process is working"):
        go(folder)

    assert snapshot(folder) == before
    assert record(go(folder), "replace", 2)["outcome"] == "completed"


def test_a_full_disk_is_foreseen(monkeypatch, tmp_path):
    """Kept models need room before anything is trained; without them little is needed."""
    needs = []
    for keep, generations in (("all", 2), ("last", 2), ("none", 2), ("all", 4)):
        monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(1, 1, 0))
        with pytest.raises(InvalidInput, match=r"needs about .* MiB and 0 MiB are free"):
            go(tmp_path / "run", keep=keep, generations=generations)
        setup = prepare(settings())
        needs.append(loop.needed(setup, setup.sizes(generations), 1, keep))
    both, last, none, four = needs

    assert four > both > last > none > 0
    assert results(tmp_path / "run") == {}
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(1, 1, none))
    assert record(go(tmp_path / "run"), "replace", 2)["outcome"] == "completed"


@pytest.mark.parametrize("function", ["write_table", "save", "fine_tune"])
def test_a_failure_leaves_finished_generations_alone(monkeypatch, tmp_path, whole, function):
    """The disk is full in generation 2: what was finished stays, and the same call goes on."""
    where = {"write_table": generations_of, "save": trained, "fine_tune": shipped}[function]
    real, disk = getattr(where, function), {"full": False}

    def fail(*arguments, **keywords):
        if disk["full"]:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(*arguments, **keywords)

    def fill(share, what):
        del share
        disk["full"] = "generation 2" in what

    monkeypatch.setattr(where, function, fail)
    arguments = {"workflows": (Accumulate(),), "generations": 2, "seeds": (SEED,)}
    if function == "fine_tune":  # it fails before it reports
        go(tmp_path / "run", generations=1)
        disk["full"] = True
    with pytest.raises((OSError, InvalidInput), match="No space left"):
        run(settings(), tmp_path / "run", **arguments, options=options("all"), report=fill)
    finished = sorted(path.name for path in (tmp_path / "run").rglob("generation-*"))
    left = partials(tmp_path / "run")
    monkeypatch.setattr(where, function, real)
    run(settings(), tmp_path / "run", **arguments, options=options("all"))

    assert finished == ["generation-001"]
    assert left == []
    assert results(tmp_path / "run").items() <= results(whole).items()


@pytest.mark.parametrize("stage", ["training", "sampling"])
def test_an_interruption_leaves_finished_generations(tmp_path, whole, stage):
    """Ctrl-C in generation 2 of the first workflow."""

    def press(share, what):
        del share
        if f"generation 2: {stage}" in what:
            raise KeyboardInterrupt

    arguments = {"workflows": (Accumulate(),), "generations": 2, "seeds": (SEED,)}
    with pytest.raises(KeyboardInterrupt):
        run(settings(), tmp_path / "run", **arguments, options=options(), report=press)
    finished = [path.name for path in (tmp_path / "run").rglob("generation-*")]
    left = partials(tmp_path / "run")
    run(settings(), tmp_path / "run", **arguments, options=options())

    assert finished == ["generation-001"]
    assert left == []
    assert results(tmp_path / "run").items() <= results(whole).items()


@pytest.mark.parametrize(
    ("keep", "kept"),
    [
        ("none", set()),
        ("last", {"replace/generation-003", "accumulate/generation-003"}),
        ("all", {f"{w}/generation-00{t}" for w in ("replace", "accumulate") for t in (2, 3)}),
    ],
)
def test_models_that_are_kept(tmp_path, whole, keep, kept):
    """All, the last of each chain, or none; each can be loaded."""
    both = (Replace(), Accumulate())
    folder = whole if keep == "all" else go(tmp_path / "run", *both, generations=3, keep=keep)
    kept = kept | ({"real/generation-001"} if keep == "all" else set())
    models = {str(p.parent.relative_to(folder / f"seed-{SEED}")) for p in folder.rglob("model")}

    assert models == kept
    for name in kept:
        own = {path.name for path in (folder / f"seed-{SEED}" / name / "model").iterdir()}
        assert {"config.json", "model.safetensors", "tokenizer.json"} <= own


def hopeless_from(t, real):
    """Return a sampler that demands too much from its t-th call on."""
    calls = []

    def sampler(model, encoder, count, recipe, seed, **keywords):
        calls.append(seed)
        if len(calls) >= t:
            strict = type(recipe)(**{**recipe.described(), "least_acceptance": 1 - 1e-9})
            return real(model, encoder, max(count, 2000), strict, seed, **keywords)
        return real(model, encoder, count, recipe, seed, **keywords)

    return sampler


def test_a_sampler_without_hope_is_an_outcome(monkeypatch, tmp_path):
    """In generation 2 it ends its chain, and is reported; the same call changes nothing."""
    said = []
    monkeypatch.setattr(batch, "sample", hopeless_from(2, batch.sample))
    arguments = {"generations": 4, "seeds": (SEED,), "options": options("last")}
    run(settings(), tmp_path / "run", workflows=(Replace(),), **arguments, announce=said.append)
    found = record(tmp_path / "run", "replace", 2)
    before = snapshot(tmp_path / "run")
    run(settings(), tmp_path / "run", workflows=(Replace(),), **arguments, announce=said.append)

    assert found["outcome"].startswith("sampling is hopeless: ")
    assert found["sampled"] == 0
    assert found["loss"] > 0
    told = [line for line in said if ": loss" in line and not line.startswith("base")]
    assert "sampling is hopeless" in told[1]
    assert len(told) == 2
    assert snapshot(tmp_path / "run") == before
    assert [p.name for p in (tmp_path / "run" / f"seed-{SEED}" / "replace").iterdir()] == [
        "generation-002"
    ]


def test_a_base_without_hope_is_an_error(monkeypatch, tmp_path):
    """In generation 1 there is no loop to speak of; what was trained and sampled is kept.

    The error shows the first rejected sample, and the same call says it again.
    """
    monkeypatch.setattr(batch, "sample", hopeless_from(1, batch.sample))
    place = tmp_path / "run" / f"seed-{SEED}" / "real" / "generation-001"
    told = []
    for _ in range(2):
        with pytest.raises(InvalidInput, match=r"real, seed 3, generation 1: sampling is") as error:
            go(tmp_path / "run", keep="last")
        told.append((str(error.value), snapshot(tmp_path / "run")))
    rejected = read_table(place / "rejected.parquet").to_dict(as_series=False)
    found = record(tmp_path / "run", "real", 1)

    assert told[0] == told[1]
    assert (place / "model" / "model.safetensors").exists()
    assert found["loss"] > 0
    assert found["outcome"].startswith("sampling is hopeless: ")
    assert len(rejected["text"]) == min(20, sum(found["rejected"].values()))
    assert (
        f"in {place / 'rejected.parquet'}, the first one, {rejected['reason'][0]}: " in told[0][0]
    )
    assert repr(rejected["text"][0])[:40] in told[0][0]


def test_the_first_rejected_samples_are_kept(tmp_path):
    """Their reasons, texts and tokens; damaged, the generation is done again."""
    said = settings(recipe={"least_acceptance": 1e-3, "temperature": 3.0})
    folder = go(tmp_path / "run", generations=1, said=said)
    place = folder / f"seed-{SEED}" / "real" / "generation-001"
    before, found = results(folder), record(folder, "real", 1)
    rejected = read_table(place / "rejected.parquet").to_dict(as_series=False)
    tokens = prepare(said).encoder.tokenizer
    (place / "rejected.parquet").write_bytes(b"PAR1")
    lines = []
    go(folder, generations=1, said=said, announce=lines.append)

    assert sum(found["rejected"].values()) > 20
    assert set(rejected["reason"]) <= set(found["rejected"])
    assert rejected["text"] == [tokens.decode(ids) for ids in rejected["token_ids"]]
    assert len(rejected["text"]) == 20
    assert [line for line in lines if "damaged, and done again" in line]
    assert results(folder) == before


def by_letters(family="llama"):
    """Return what spells each sequence by letters, as no encoder does, in place of sampling."""
    own = encoder(family)
    real = sampling._generate

    def generate(model, encoder, count, *arguments):
        found = real(model, encoder, count, *arguments)
        ended = [ids[:-1] for ids in found if ids[-1:] == [own.end]]
        texts = own.tokenizer.batch_decode(ended)
        letters = [
            own.tokenizer.convert_tokens_to_ids(list(text.replace(" ", "Ġ"))) for text in texts
        ]
        spelled = [[*ids, own.end] for ids in letters if len(ids) < 20 and None not in ids]
        return [spelled[i % len(spelled)] for i in range(len(found))] if spelled else found

    return generate


@pytest.mark.parametrize("retokenise", [False, True])
def test_what_is_sampled_is_what_is_trained_on(monkeypatch, tmp_path, retokenise):
    """The very tokens, bit for bit; or, as the paper does it, those of the text."""
    monkeypatch.setattr(sampling, "_generate", by_letters())
    said = settings(recipe={"retokenise": retokenise})
    folder = go(tmp_path / "run", Accumulate(), keep="all", said=said)
    place = folder / f"seed-{SEED}" / "real" / "generation-001"
    own, rows = prepare(said).encoder, samples(folder, "real", 1)
    real = own.encode(read_rows(folder / f"seed-{SEED}" / "real.parquet"))
    sampled, encoded = (
        read_table(place / "samples.parquet")["token_ids"].to_list(),
        own.encode(rows),
    )
    share = np.mean([one != other for one, other in zip(sampled, encoded, strict=True)])

    assert share > 0.9
    assert record(folder, "real", 1)["respelled"] == share
    assert own.decode([ids[1:] for ids in sampled]) == rows
    assert all(ids[0] == own.start for ids in sampled)
    used, other = (encoded, sampled) if retokenise else (sampled, encoded)
    weights = weights_of(folder, "accumulate", 2)
    assert same_state(weights, saved(by_hand(real + used, 2)))
    assert not same_state(weights, saved(by_hand(real + other, 2)))


def test_a_folder_of_texts_alone_is_read_and_not_gone_on_with(copied):
    """Format 2 kept no tokens: its numbers and texts are shown, and no run mixes with it."""
    about = read_json(copied / "run.json")
    write_json(copied / "run.json", {**about, "format": 2})
    for path in copied.rglob("samples.parquet"):
        write_rows(path, read_rows(path))
    found = Results.read(copied)

    assert found.samples("replace", SEED, 2) == samples(copied, "replace", 2)
    with pytest.raises(InvalidInput, match="holds texts alone: an older version wrote it"):
        found.token_ids("replace", SEED, 2)
    with pytest.raises(InvalidInput, match=r"has format 2, and this version reads 3: give another"):
        go(copied, Replace())


def test_from_scratch_on_packed_text(tmp_path):
    """Random weights in every generation, blocks of text, and the same bits again."""
    said = scratch("gpt2", {"packed": True, "steps": 40, "learning_rate": 1e-2})
    one, other = (go(tmp_path / name, Accumulate(), said=said) for name in ("one", "other"))
    first, second = (record(one, chain, t) for chain, t in (("real", 1), ("accumulate", 2)))

    assert results(one) == results(other)
    assert first["steps"] == second["steps"] == 40
    assert first["loss"] != second["loss"]


def scratch(family, recipe):
    """Return settings of a model that starts at random."""
    said = settings(family, from_scratch=True)
    return replace(said, recipe=replace(said.recipe, **recipe))


def test_weights_of_packed_rows_are_refused_at_once(tmp_path):
    """Blocks mix rows of different weights: an error before anything is trained."""
    said = scratch("llama", {"packed": True, "steps": 40, "learning_rate": 1e-2})
    with pytest.raises(InvalidInput, match="packed"):
        go(tmp_path / "run", KeepReal(0.25), said=said)

    assert results(tmp_path / "run") == {}


def test_bfloat16_leaves_the_saved_weights_in_float32(tmp_path):
    """Training and sampling are in bfloat16, and what is saved and judged is in float32.

    How far the sampler is from the model that is judged is recorded.
    """
    from safetensors.torch import load_file

    losses, setup = {}, prepare(settings())
    for precision in ("float32", "bfloat16"):
        said = settings(recipe={"precision": precision})
        folder = go(tmp_path / precision, keep="all", generations=1, said=said)
        place = folder / f"seed-{SEED}/real/generation-001"
        losses[precision] = record(folder, "real", 1)
        weights = load_file(place / "model" / "model.safetensors")
        kept = Base(str(place / "model")).model(0)
        nats = row_nats(kept, setup.encoder, setup.held_out_examples)

        assert {str(tensor.dtype) for tensor in weights.values()} == {"torch.float32"}
        assert read_table(place / "held_out.parquet")["nats"].to_list() == nats.tolist()
        assert len(samples(folder, "real", 1)) == 24
    assert losses["float32"]["loss"] != losses["bfloat16"]["loss"]
    assert 0 < losses["bfloat16"]["sampler_divergence"] < 0.01  # of three digits' rounding
    assert "sampler_divergence" not in losses["float32"]


def test_losses_are_reported_to_a_tracker(tmp_path, monkeypatch):
    """The tracker that was asked for hears of every generation, and its files stay."""
    from transformers import TrainerCallback, integrations

    heard = []

    class Tracker(TrainerCallback):
        def on_log(self, args, state, control, logs=None, **_):
            del state, control
            heard.append((args.run_name, os.environ["TENSORBOARD_LOGGING_DIR"], logs))

    monkeypatch.delenv("TENSORBOARD_LOGGING_DIR", raising=False)
    monkeypatch.setitem(integrations.INTEGRATION_TO_CALLBACK, "tensorboard", Tracker)
    monkeypatch.setattr(
        integrations, "get_available_reporting_integrations", lambda: ["tensorboard"]
    )
    how = Options(keep="none", threads=1, report_to="tensorboard")
    said = settings(recipe={"steps": 20})
    run(said, tmp_path / "run", workflows=[Replace()], generations=2, seeds=[SEED], options=how)

    assert {name for name, *_ in heard} == {
        "real, seed 3, generation 1 of run",
        "replace, seed 3, generation 2 of run",
    }
    logs = tmp_path / "run" / "logs" / "seed-3"
    assert {Path(path) for _, path, _ in heard} == {
        logs / "real" / "generation-001",
        logs / "replace" / "generation-002",
    }
    assert sum("loss" in logged for *_, logged in heard) == 4
    assert "TENSORBOARD_LOGGING_DIR" not in os.environ


def test_progress_is_told(tmp_path):
    """Shares never fall, end at 1, and say what is under way; each generation has its line."""
    told, said = [], []
    arguments = {"workflows": (Replace(), Accumulate()), "generations": 2, "seeds": (SEED,)}
    run(
        *(settings(), tmp_path / "run"),
        **arguments,
        options=options(),
        report=lambda *what: told.append(what),
        announce=said.append,
    )
    shares = [share for share, _ in told]

    assert shares == sorted(shares)
    assert shares[0] >= 0
    assert shares[-1] == pytest.approx(1)
    assert any("replace, seed 3, generation 2: sampling" in what for _, what in told)
    assert "learning rate 0.001, 8 rows per step" in said[0]
    assert "68 training rows, 0 of them" in said[1]
    assert said[2].startswith("8 rows per optimiser step: its loss is a mean over its tokens")
    assert said[3].startswith("base, generation 0: loss")
    assert [line.partition(":")[0] for line in said[4:]] == [
        f"{chain}, seed 3, generation {t}"
        for chain, t in (("real", 1), ("replace", 2), ("accumulate", 2))
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"workflows": ()}, "workflows"),
        ({"workflows": (Replace(), Replace())}, "workflows"),
        ({"workflows": (Replace(), 3)}, "workflow = 3 is not a workflow"),
        ({"workflows": (Replace(), Reservoir(3))}, r"Reservoir\(k=3\) .* use mc.run\(\)"),
        ({"generations": 0}, "generations = 0"),
        ({"seeds": ()}, "seeds"),
        ({"seeds": (1, 1)}, "seeds"),
        ({"seeds": (-1,)}, "seed = -1"),
        ({"seeds": (2**32,)}, "seeds"),
    ],
)
def test_wrong_arguments(tmp_path, arguments, message):
    """Each is named before the folder is made."""
    with pytest.raises(InvalidInput, match=message):
        run(settings(), tmp_path / "run", **arguments)
    for wrong in ({"keep": "some"}, {"jobs": 0}, {"threads": 0}):
        with pytest.raises(InvalidInput, match=next(iter(wrong))):
            Options(**wrong)

    assert not (tmp_path / "run").exists()


def test_a_real_batch_that_is_too_large(tmp_path):
    """The data has fewer rows: an error that says how many."""
    with pytest.raises(InvalidInput, match=r"samples = 69: .* has 68 usable training rows"):
        go(tmp_path / "run", samples=69)


def test_a_nested_configuration(tmp_path):
    """Gemma 3 with pictures keeps the sizes of its text model one level down."""
    from transformers import AutoModelForCausalLM, Gemma3Config

    own, size = tokenizer("gemma2"), len(tokenizer("gemma2"))
    text = {"vocab_size": size, "hidden_size": 16, "intermediate_size": 32, "head_dim": 8}
    text |= {"num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 1}
    text |= {"max_position_embeddings": 64, "sliding_window": 32, "eos_token_id": own.eos_token_id}
    seen = {"hidden_size": 16, "intermediate_size": 32, "num_attention_heads": 2}
    seen |= {"num_hidden_layers": 1, "image_size": 16, "patch_size": 8}
    ids = {"image_token_index": 5, "boi_token_index": 6, "eoi_token_index": 7}
    config = Gemma3Config(text_config=text, vision_config=seen, mm_tokens_per_image=4, **ids)
    with backend.seeded(0):
        fresh = AutoModelForCausalLM.from_config(config)
    fresh.save_pretrained(tmp_path / "model")
    own.save_pretrained(tmp_path / "model")
    said = settings(model=str(tmp_path / "model"), recipe={"epochs": 8, "least_acceptance": 1e-3})
    said = replace(said, recipe=replace(said.recipe, learning_rate=1e-2))
    folder = go(tmp_path / "run", generations=1, said=said)

    assert not hasattr(fresh.config, "vocab_size")
    assert record(folder, "real", 1)["outcome"] == "completed"
    with pytest.raises(InvalidInput, match="the model has 64 positions"):
        prepare(replace(said, recipe=replace(said.recipe, max_length=65)))


@pytest.mark.parametrize(
    ("recipe", "told"),
    [
        ({"accumulation": 16, "learning_rate": 1e-4}, "1 optimiser step at a learning rate of"),
        ({"batch_size": 6, "learning_rate": 1e-4}, "4 optimiser steps at a learning rate of"),
        ({"learning_rate": 1.4e-4}, None),
        ({"accumulation": 16, "learning_rate": 1e-4, "packed": True, "loss": "tokens"}, None),
    ],
)
def test_too_few_steps_are_said_before_training(recipe, told):
    """Where the steps times their rate are no more than what a checkpoint learned nothing from."""
    said = replace(settings(), recipe=replace(settings().recipe, loss="rows"))
    lines = foreseen(prepare(replace(said, recipe=replace(said.recipe, **recipe))), 24)

    assert len(lines) == (told is not None)
    for line in lines:
        assert line.startswith(told)
        assert "4 steps at 1e-4" in line
