"""Seeds, Hypothesis profiles and floating-point strictness of the whole suite."""

import os
import secrets

import numpy as np
import pytest
from hypothesis import settings

# PyTorch reads it when it is first imported; see modelcollapse.language.backend.require.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

LONGEST = ("test_language_collapse", "test_ledger", "test_theory", "test_language_loop")

settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.register_profile("explore", deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


def pytest_addoption(parser):
    """Add --seed N and --vary-seed: statistical assertions must pass under any seed."""
    parser.addoption("--seed", type=int, default=0, help="seed of all statistical assertions")
    parser.addoption("--vary-seed", action="store_true", help="draw that seed afresh and print it")


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config):
    """With several processes, let each run whole files, whose tests share simulations."""
    if getattr(config.option, "numprocesses", None) and config.option.dist == "no":
        config.option.dist = "loadfile"
        config.option.loadscopereorder = False


def pytest_configure(config):
    """Fix the seed before workers start, so that all of them use the same."""
    if config.getoption("--vary-seed") and not hasattr(config, "workerinput"):
        config.option.seed = secrets.randbelow(2**31)
        config.option.vary_seed = False


def pytest_collection_modifyitems(items):
    """Begin with the files that take minutes, so that no process waits for them at the end."""
    items.sort(key=lambda item: item.path.stem not in LONGEST)


def pytest_report_header(config):
    """Print the seed, so that a run can be repeated."""
    return f"seed: {config.getoption('--seed')} (repeat with --seed)"


@pytest.fixture(scope="session")
def seed(request):
    """Return the seed of this run."""
    return request.config.getoption("--seed")


@pytest.fixture(autouse=True)
def strict_floats():
    """Make every floating-point error an exception, but underflow, which collapse is made of."""
    with np.errstate(all="raise", under="ignore"):
        yield
