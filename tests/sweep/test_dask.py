"""Sweeps on a real Dask cluster of several processes, and clusters that are not there."""

import os
import signal
import socket

import pytest
from polars.testing import assert_frame_equal

import modelcollapse as mc
from modelcollapse.sweep import Sweep, backends, read, run

distributed = pytest.importorskip("distributed")

pytestmark = [
    # What distributed leaves open when a worker of it is killed is not ours to close.
    pytest.mark.filterwarnings("ignore:.*:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
TABLE = {
    "model": [
        {"family": "gaussian", "dim": [1, 3]},
        {"family": "kde", "bandwidth": "scott"},
        {"family": "gamma", "shape": 2.0},
    ],
    "workflow": {"name": ["replace", "accumulate", "accumulate-subsample"]},
    "samples": [10, 30],
    "generations": 10,
    "replicates": 200,
    "seed": [0, 1],
}


@pytest.fixture(scope="module")
def cluster():
    """A scheduler and three worker processes."""
    options = {"n_workers": 3, "threads_per_worker": 1, "processes": True}
    with distributed.LocalCluster(**options, dashboard_address=":0") as started:
        yield started


def test_a_killed_worker_loses_nothing(cluster, tmp_path):
    """A worker is killed in the middle; every cell is there, with the bits of a serial run."""
    sweep, killed = Sweep.of(TABLE), []

    def kill(done: int, _: str) -> None:
        if done > len(sweep.cells) // 3 and not killed:
            killed.append(next(iter(cluster.workers.values())).pid)
            os.kill(killed[0], signal.SIGKILL)

    address = cluster.scheduler_address
    outcome = run(sweep, tmp_path / "cluster", dask=address, progress=kill)
    assert killed
    assert (outcome.computed, outcome.failed) == (len(sweep.cells), {})
    run(sweep, tmp_path / "serial")
    assert_frame_equal(read(tmp_path / "cluster"), read(tmp_path / "serial"), check_exact=True)


def test_a_failed_cell_stops_no_other(cluster, tmp_path):
    """Its error comes back from the worker."""
    table = {**TABLE, "model": [{"family": "gaussian"}, TABLE["model"][2]], "extra": ["log_pivots"]}
    outcome = run(Sweep.of(table), tmp_path, dask=cluster.scheduler_address)
    assert outcome.computed == 12
    assert all("log_pivots" in error for error in outcome.failed.values())
    assert len(outcome.failed) == 12


def test_ctrl_c_takes_the_cells_back(cluster, tmp_path):
    """What is finished is kept, and the cluster is free for the next call."""

    def stop(done: int, _: str) -> None:
        if done == 2:
            raise KeyboardInterrupt

    sweep, address = Sweep.of({**TABLE, "seed": 7}), cluster.scheduler_address
    outcome = run(sweep, tmp_path, dask=address, progress=stop)
    assert outcome.interrupted
    again = run(sweep, tmp_path, dask=address)
    assert again.kept >= 2
    assert again.kept + again.computed == len(sweep.cells)


def test_a_scheduler_that_does_not_answer_is_said(tmp_path, monkeypatch):
    """After a while, with the address, and nothing is written."""
    monkeypatch.setattr(backends, "WAIT", 1.0)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(mc.InvalidInput, match=f"dask = '{address}' .* no Dask scheduler"):
            run(Sweep.of(TABLE), tmp_path / "out", dask=address)
    for wrong in ("nowhere", "tcp://127.0.0.1:1", "http://x"):
        with pytest.raises(mc.InvalidInput, match="no Dask scheduler"):
            run(Sweep.of(TABLE), tmp_path / "out", dask=wrong)
    assert not (tmp_path / "out").exists()


def test_a_scheduler_without_workers_is_said(tmp_path, monkeypatch):
    """Cells would wait for ever."""
    monkeypatch.setattr(backends, "WAIT", 1.0)
    empty = distributed.LocalCluster(n_workers=0, processes=True, dashboard_address=":0")
    with empty, pytest.raises(mc.InvalidInput, match="has no workers"):
        run(Sweep.of(TABLE), tmp_path / "out", dask=empty.scheduler_address)
    assert not (tmp_path / "out").exists()
