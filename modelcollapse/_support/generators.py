"""The global random generators: Python's, NumPy's and, once it is imported, PyTorch's."""

import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np


@contextmanager
def kept(*, devices: bool = False) -> Iterator[None]:
    """Give the global generators their states back in the end.

    Parameters
    ----------
    devices
        Whether to wake CUDA, if it is there, so as to keep its generators too; what is awake is
        kept in any case.
    """
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002
    try:
        with _torch_kept(devices=devices):
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002


def state() -> tuple[Any, ...]:
    """Return the states of Python's and NumPy's global generators, to be compared with `==`.

    NumPy's words change once in 624 draws alone: its place among them belongs to the state.
    """
    _, words, *rest = np.random.get_state()  # noqa: NPY002
    return random.getstate(), np.asarray(words).tobytes(), rest


def seed(rng: np.random.Generator) -> None:
    """Seed the global generators, CUDA's included."""
    python, numpy, torch = rng.integers(2**31 - 1, size=3).tolist()
    random.seed(python)
    np.random.seed(numpy)  # noqa: NPY002
    if (module := sys.modules.get("torch")) is not None:
        module.manual_seed(torch)


def _torch_kept(*, devices: bool) -> Any:
    torch = sys.modules.get("torch")
    if torch is None:
        return nullcontext()
    awake = devices or torch.cuda.is_initialized()
    cuda = list(range(torch.cuda.device_count())) if awake else []
    return torch.random.fork_rng(devices=cuda)
