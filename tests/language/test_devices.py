"""A GPU for each process: which one, who waits, who shares, and what does not fit."""

import os

import pytest

from modelcollapse import InvalidInput
from modelcollapse.language import devices
from tests.helpers.language_models import offline  # noqa: F401

pytestmark = pytest.mark.language
GIB = 2**30


@pytest.fixture
def gpus(monkeypatch):
    """Return a function that shows so many GPUs, under such names, of so many bytes."""
    torch = pytest.importorskip("torch")

    def show(count, named=None, room=80 * GIB):
        monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
        properties = type("Properties", (), {"total_memory": room})
        monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: properties)
        if named is None:
            monkeypatch.delenv(devices.VISIBLE, raising=False)
        else:
            monkeypatch.setenv(devices.VISIBLE, named)

    yield show
    while devices._held:
        os.close(devices._held.pop())


@pytest.mark.parametrize(
    ("count", "named", "names"),
    [
        (3, None, ("0", "1", "2")),
        (2, "5, 7", ("5", "7")),
        (2, "GPU-1f,GPU-2e", ("GPU-1f", "GPU-2e")),
        (1, "3,9,4", ("3",)),  # CUDA stops at a number that there is not
        (0, "", ()),
        (0, None, ()),
    ],
)
def test_gpus_are_named_as_the_environment_names_them(gpus, count, named, names):
    """By their numbers where it does not."""
    gpus(count, named)

    assert devices.visible() == names
    assert (devices.places(2) is None) == (len(names) < 2)


def test_each_process_takes_a_gpu_of_its_own(gpus, monkeypatch):
    """The first free one; what a process that ended has held is free again, and not before."""
    gpus(3, "4,5,6")
    places = devices.places(3)
    taken = []
    for _ in range(3):
        places()
        taken.append(os.environ[devices.VISIBLE])
    monkeypatch.setattr(devices, "PATIENCE", 0.0)
    with pytest.raises(RuntimeError, match="no place is free for one more process of 3"):
        places()
    os.close(devices._held.pop(1))
    places()

    assert taken == ["4", "5", "6"]
    assert os.environ[devices.VISIBLE] == "5"


def test_more_processes_than_gpus_share_them_evenly(gpus):
    """Five processes on two GPUs: three and two."""
    gpus(2)
    places = devices.places(5)
    taken = []
    for _ in range(5):
        places()
        taken.append(os.environ[devices.VISIBLE])

    assert taken == ["0", "1", "0", "1", "0"]


def test_places_are_equal_where_workers_can_go_on(gpus):
    """For the same GPUs and as many processes: joblib compares what its workers began with."""
    gpus(2)
    one, same, other = devices.places(2), devices.places(2), devices.places(3)
    assert one == same != other


@pytest.mark.parametrize(
    ("count", "jobs", "lines"),
    [
        (0, 4, []),
        (8, 8, []),
        (1, 1, []),
        (8, 1, ["1 of 8 GPUs used: one for each job"]),
        (8, 9, ["9 processes on 8 GPUs: up to 2 of them share one"]),
        (1, 3, ["3 processes on 1 GPU: up to 3 of them share one"]),
    ],
)
def test_what_is_shared_or_idle_is_said(gpus, count, jobs, lines):
    """Before anything is trained."""
    gpus(count)
    assert devices.told(jobs) == lines


def test_what_does_not_fit_together_is_refused(gpus):
    """With the number that would; a small model may be shared, and one process each always."""
    gpus(8)
    devices.require_room(8, 42 * GIB, "weights")
    devices.require_room(9, 40 * GIB, "weights")
    devices.require_room(640, 1 * GIB, "weights")
    with pytest.raises(InvalidInput, match=r"jobs = 9: .* 8 GPUs, .* 2 processes .* at most 8"):
        devices.require_room(9, 42 * GIB, "weights")
    with pytest.raises(InvalidInput, match=r"need about 30.0 GiB each: give at most 16"):
        devices.require_room(17, 30 * GIB, "weights")
