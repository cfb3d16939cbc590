"""GPUs of worker processes: each sees one of them alone, and holds it as long as it lives."""

import math
import os
import tempfile
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from modelcollapse._support.errors import InvalidInput
from modelcollapse._support.memory import GIB
from modelcollapse._support.words import many
from modelcollapse.language import backend

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None  # type: ignore[assignment]

VISIBLE = "CUDA_VISIBLE_DEVICES"
PATIENCE = 60.0  # seconds until a process that has ended has let go of its place
_held: list[int] = []  # open files, whose locks the system lifts when the process ends


@dataclass(frozen=True)
class Places:
    """Places for processes, one after the other on each of the GPUs.

    Called in a new process, it takes the first free place, and hides the other GPUs. That is done
    by the environment, and before PyTorch is imported: what takes "the first GPU", as
    transformers' Trainer does, takes the right one then.

    Attributes
    ----------
    names
        The GPUs, as CUDA_VISIBLE_DEVICES names them.
    jobs
        How many processes there are at most.
    folder
        Where the places are locked.
    """

    names: tuple[str, ...]
    jobs: int
    folder: str

    def __call__(self) -> None:
        """Take a place.

        Raises
        ------
        RuntimeError
            If none gets free.
        """
        until = time.monotonic() + PATIENCE
        while (place := self._taken()) is None:
            if time.monotonic() > until:
                raise RuntimeError(f"no place is free for one more process of {self.jobs}")
            time.sleep(0.05)
        os.environ[VISIBLE] = self.names[place % len(self.names)]

    def _taken(self) -> int | None:
        for place in range(self.jobs):
            handle = os.open(Path(self.folder) / str(place), os.O_CREAT | os.O_RDWR)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os.close(handle)
            else:
                _held.append(handle)
                return place
        return None


def visible() -> tuple[str, ...]:
    """Return the GPUs that this process sees, as CUDA_VISIBLE_DEVICES names them."""
    import torch

    count = torch.cuda.device_count()
    given = os.environ.get(VISIBLE)
    names = map(str, range(count)) if given is None else given.split(",")
    return tuple(name.strip() for name in names)[:count]


def places(jobs: int) -> Places | None:
    """Return the places of so many processes; None where there are no GPUs to choose from."""
    names = visible()
    if len(names) < 2:
        return None
    if fcntl is None:
        raise InvalidInput(
            f"jobs = {jobs}: GPUs are not shared out on this system; start a run of its own for "
            f"each, with {VISIBLE} set, or give one job"
        )
    return Places(names, jobs, _folder().name)


@cache
def _folder() -> "tempfile.TemporaryDirectory[str]":
    return tempfile.TemporaryDirectory(prefix="modelcollapse-gpus-")


def require_room(jobs: int, size: float, what: str) -> None:
    """Raise InvalidInput if processes would share a GPU that cannot hold them; each needs `what`.

    Small models share one, as they leave most of it idle.
    """
    import torch

    gpus = len(visible())
    if jobs <= gpus or gpus == 0:
        return
    room = min(torch.cuda.get_device_properties(i).total_memory for i in range(gpus))
    sharing = math.ceil(jobs / gpus)
    if sharing * size > room:
        most = gpus * max(1, math.floor(room / size))
        raise InvalidInput(
            f"jobs = {jobs}: this machine shows {many(gpus, 'GPU')}, so that {sharing} processes "
            f"would share one of {room / GIB:,.1f} GiB; {what} need about "
            f"{size / GIB:,.1f} GiB each: give at most {most}"
        )


def told(jobs: int) -> list[str]:
    """Return what becomes of the GPUs, where there is a choice."""
    gpus = len(visible()) if backend.world() == 1 else 0
    if jobs > gpus > 0:
        each = math.ceil(jobs / gpus)
        return [f"{jobs} processes on {many(gpus, 'GPU')}: up to {each} of them share one"]
    if 0 < jobs < gpus:
        return [f"{jobs} of {gpus} GPUs used: one for each job"]
    return []
