"""PyTorch and the Hugging Face packages: imported late, kept quiet, seeded and pinned."""

import importlib.util
import json
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from modelcollapse._support import generators
from modelcollapse._support.errors import InvalidInput, missing

PACKAGES = ("torch", "transformers", "datasets", "accelerate")
SHARDED = {  # what accelerate launch sets, and what it stands for
    "ACCELERATE_USE_FSDP": "FSDP",
    "ACCELERATE_USE_MEGATRON_LM": "Megatron-LM",
}
WHOLE_STAGES = 3  # of ZeRO: 0, 1 and 2 cut gradients and moments alone
TRAIN, SAMPLE, SELECT, REAL, INITIAL, METRIC, COUNTED = range(7)  # what a random stream is for


def require() -> None:
    """Raise MissingDependency unless the packages of the language room are installed."""
    for package in PACKAGES:
        if importlib.util.find_spec(package) is None:
            raise missing(package, "language", "the language-model loop")
    if "torch" not in sys.modules:
        # Small models have thousands of short parallel steps a second. Threads that spin while
        # they wait for each other take ten times as long once another program wants a core.
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def require_whole_weights() -> None:
    """Raise InvalidInput if ``accelerate launch`` is to cut the weights into pieces.

    FSDP, Megatron-LM and stage 3 of DeepSpeed's ZeRO leave each process a part of them: what
    samples, judges and saves a model here would see that part alone.
    """
    kind = next((kind for flag, kind in SHARDED.items() if _flag(flag)), None)
    if kind is None and _flag("ACCELERATE_USE_DEEPSPEED") and _zero_stage() >= WHOLE_STAGES:
        kind = "stage 3 of DeepSpeed's ZeRO"
    if kind is not None:
        raise InvalidInput(
            f"accelerate launch: {kind} leaves each process a part of the weights, and a model is "
            "sampled, judged and saved whole here; launch with --multi_gpu alone (data "
            "parallelism), or start one process"
        )


def _flag(name: str) -> bool:
    return os.environ.get(name, "false").lower() in ("true", "1", "yes", "y", "on")


def _zero_stage() -> int:
    """Return the stage that DeepSpeed is asked for; of a file that cannot be read, the highest."""
    file = os.environ.get("ACCELERATE_DEEPSPEED_CONFIG_FILE", "none")
    try:
        if file != "none":
            return int(json.loads(Path(file).read_text("utf-8"))["zero_optimization"]["stage"])
        return int(os.environ.get("ACCELERATE_DEEPSPEED_ZERO_STAGE", "2"))  # accelerate's default
    except (OSError, ValueError, TypeError):
        return WHOLE_STAGES
    except KeyError:
        return 0  # DeepSpeed's default


def derived(seed: int, *path: int) -> int:
    """Return the seed of one random stream, a 32-bit number, from the run's seed and a path."""
    return int(np.random.SeedSequence([seed, *path]).generate_state(1)[0])


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed every generator that the libraries draw from; the caller's states come back after."""
    import torch

    with generators.kept(devices=True):  # Trainer seeds all of them
        torch.manual_seed(seed)
        yield


@contextmanager
def quiet() -> Iterator[None]:
    """Silence the libraries' own progress bars and advice; ours are on standard error."""
    import datasets
    import transformers

    logger = transformers.utils.logging
    bars = datasets.utils.is_progress_bar_enabled(), logger.is_progress_bar_enabled()
    level = logger.get_verbosity()
    watched = [logging.getLogger(name) for name in ("accelerate", "datasets")]
    levels = [one.level for one in watched]
    try:
        datasets.disable_progress_bars()
        logger.set_verbosity_error()
        logger.disable_progress_bar()
        for one in watched:
            one.setLevel(logging.ERROR)
        yield
    finally:
        if bars[0]:
            datasets.enable_progress_bars()
        if bars[1]:
            logger.enable_progress_bar()
        logger.set_verbosity(level)
        for one, before in zip(watched, levels, strict=True):
            one.setLevel(before)


@contextmanager
def threads(count: int | None) -> Iterator[None]:
    """Pin the number of threads: the last bits of a sum depend on it."""
    import torch

    before = torch.get_num_threads()
    try:
        if count is not None:
            torch.set_num_threads(count)
        yield
    finally:
        torch.set_num_threads(before)


def device() -> Any:
    """Return the device that this process trains on."""
    return _state().device


def rank() -> int:
    """Return the number of this process among those started by ``accelerate launch``."""
    return int(_state().process_index)


def world() -> int:
    """Return how many processes ``accelerate launch`` started."""
    return int(_state().num_processes)


def first_process() -> bool:
    """Return whether this process is the one that writes, without starting anything."""
    return os.environ.get("RANK", "0") == "0"


def wait() -> None:
    """Wait until every process is here."""
    _state().wait_for_everyone()


def gathered(values: list[Any]) -> list[list[Any]]:
    """Return the list of every process, in the order of their ranks."""
    if world() == 1:
        return [values]
    from accelerate.utils import gather_object

    lists: list[list[Any]] = gather_object([values])
    return lists


def _state() -> Any:
    import torch
    from accelerate import PartialState

    return PartialState(cpu=not torch.accelerator.is_available())


def precise(precision: str) -> str:
    """Return "float32" or "bfloat16" for a recipe's precision on this machine."""
    if precision != "auto":
        return precision
    import torch

    on_gpu = device().type == "cuda" and torch.cuda.is_bf16_supported()
    return "bfloat16" if on_gpu else "float32"


@contextmanager
def autocast(precision: str) -> Iterator[None]:
    """Compute in bfloat16 where the precision says so."""
    import torch

    enabled = precise(precision) == "bfloat16"
    with torch.autocast(device().type, dtype=torch.bfloat16, enabled=enabled):
        yield


def thread_count() -> int:
    """Return the number of threads that this process computes with."""
    import torch

    return int(torch.get_num_threads())
