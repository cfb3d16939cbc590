"""Memory: what is free is read right, and what cannot fit is refused."""

import numpy as np
import pytest

import modelcollapse as mc
from modelcollapse._support import memory

GIB = 2**30
SYSTEM = "MemTotal:       8000000 kB\nMemFree:  1 kB\nMemAvailable:   4194304 kB\n"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, 4 * GIB),
        ({"memory.max": f"{3 * GIB}\n", "memory.current": f"{GIB}\n"}, 2 * GIB),
        ({"memory.max": "max\n", "memory.current": f"{GIB}\n"}, 4 * GIB),
        ({"memory.max": f"{GIB}\n", "memory.current": f"{2 * GIB}\n"}, 0),
        (
            {
                "memory/memory.limit_in_bytes": f"{2 * GIB}\n",
                "memory/memory.usage_in_bytes": f"{GIB}\n",
            },
            GIB,
        ),
    ],
    ids=["machine", "group", "group without a limit", "full group", "older group"],
)
def test_what_is_free(tmp_path, files, expected):
    """The machine's, or less where a group of processes has a limit."""
    (tmp_path / "meminfo").write_text(SYSTEM)
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert memory.free(tmp_path / "meminfo", tmp_path) == expected


def test_where_nobody_says(tmp_path, monkeypatch):
    """Nothing is refused then."""
    assert memory.free(tmp_path / "absent", tmp_path) is None
    monkeypatch.setattr(memory, "free", lambda: None)
    memory.require(1e30, "x = 1: these")
    with memory.limited():
        pass


def test_what_does_not_fit_is_refused(monkeypatch):
    """With both numbers; at the border it is not."""
    monkeypatch.setattr(memory, "free", lambda: 2 * GIB)
    memory.require(2 * GIB, "x = 1: these")
    with pytest.raises(mc.InvalidInput, match=r"x = 1: these need about 3.0 GiB .* 2.0 GiB are"):
        memory.require(3 * GIB, "x = 1: these")


@pytest.mark.skipif(memory.free() is None, reason="the system does not say what is free")
def test_a_limit_on_memory():
    """Beyond it an allocation fails though nothing is written to it; then the old one holds."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_DATA)
    size = memory.free() + 3 * memory.SLACK
    with memory.limited():
        assert resource.getrlimit(resource.RLIMIT_DATA) != before
        with pytest.raises(MemoryError):
            np.empty(size, dtype=np.uint8)
        np.empty(2**20, dtype=np.uint8)
    assert resource.getrlimit(resource.RLIMIT_DATA) == before


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda: mc.Experiment(mc.Gaussian(), mc.Replace(), 9, 10**11), "generations = 1000000"),
        (lambda: mc.Experiment(mc.Gaussian(), mc.Web(3, 3), 9, 10**11), "generations = 1000000"),
        (lambda: mc.Experiment(mc.Discrete(10**12), mc.Replace(), 9, 3), "outcomes = 100000"),
        (
            lambda: mc.run(mc.Gaussian(), mc.Normal.standard(1), mc.Replace(), 10**11, 9),
            r"samples = 100000000000: the rows of 9 generations",
        ),
        (
            lambda: mc.simulate(mc.Experiment(mc.Gaussian(), mc.Replace(), 9, 9), 10**12),
            "replicates = 10000000",
        ),
    ],
    ids=["generations", "web", "outcomes", "rows", "replicates"],
)
@pytest.mark.skipif(memory.free() is None, reason="the system does not say what is free")
def test_requests_that_cannot_be_held(ask, said):
    """They are refused before anything is done, with what to ask for less of."""
    with pytest.raises(mc.InvalidInput, match=f"{said}.*GiB are free: ask for fewer"):
        ask()
