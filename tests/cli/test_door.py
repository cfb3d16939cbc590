"""The door is light: names and commands are imported when they are used, from one list."""

import ast
import importlib
import inspect
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import modelcollapse as mc
from modelcollapse._support.compiled import Notice
from modelcollapse.cli import COMMANDS

STUB = Path(mc.__file__).with_suffix(".pyi")
HEAVY = {
    *(
        "accelerate",
        "cyclopts",
        "datasets",
        "hypothesis",
        "matplotlib",
        "numba",
        "polars",
        "pytest",
    ),
    *("scipy.stats", "sklearn", "sympy", "torch", "transformers"),
}
STEPS = {
    "import": "import modelcollapse as mc",
    "help": "from modelcollapse.cli import app; app().help_print()",
    "names": "for name in dir(mc): getattr(mc, name)",
    "predict": "list(mc.predict(mc.Experiment(mc.Gaussian(), mc.Replace())).expected.values())",
}
# Compiles one small loop with an empty cache, twice over.
COLD = """
import numpy as np
from modelcollapse._support.compiled import compiled
from modelcollapse.families.gaussian.kernels import total
total(np.ones(3), 3)
total(np.ones((2, 2))[0], np.int32(2))
"""


def run(code, **environment):
    """Return what a fresh process prints on standard output and error."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | environment,
    )
    return done.stdout, done.stderr


@pytest.fixture(scope="module")
def loaded():
    """Return the top-level and dotted names loaded after each step, in one fresh process."""
    lines = ["import sys, contextlib, os"]
    for name, step in STEPS.items():
        quiet = "with contextlib.redirect_stdout(open(os.devnull, 'w')):\n    " + step
        lines += [quiet, f"print({name!r}, *sys.modules)"]
    out, _ = run("\n".join(lines))
    return {name: set(rest) for name, *rest in map(str.split, out.splitlines())}


def test_importing_the_package_loads_no_numpy(loaded):
    """``import modelcollapse`` loads itself and what finds its names."""
    own = {name for name in loaded["import"] if name.startswith("modelcollapse")}

    assert own == {"modelcollapse"}
    assert not {"numpy", *HEAVY} & loaded["import"]


def test_a_worker_that_is_replaced_is_no_warning():
    """Joblib replaces workers that have grown, and says so; as a program we do not."""
    code = """
import sys, warnings
from modelcollapse.cli import main
sys.argv = ["modelcollapse", "--version"]
main()
warnings.warn("A worker stopped while some jobs were given to the executor.", UserWarning)
warnings.warn("another", UserWarning)
"""
    _, err = run(code)
    assert "another" in err
    assert "A worker" not in err.replace('warnings.warn("A worker', "")


def test_help_loads_no_numpy(loaded):
    """The commands' list is printed without importing any of them."""
    own = {name for name in loaded["help"] if name.startswith("modelcollapse")}

    support = {"modelcollapse._support", "modelcollapse._support.interruption"}
    assert own == {"modelcollapse", "modelcollapse.cli", *support}
    assert "numpy" not in loaded["help"]


def test_all_names_load_nothing_heavy(loaded):
    """Using every public name, and predicting, compiles nothing and draws nothing."""
    assert "numpy" in loaded["names"]
    assert not (HEAVY - {"cyclopts"}) & loaded["names"]
    assert not (HEAVY - {"cyclopts"}) & loaded["predict"]


def test_every_name_of_the_list_is_there():
    """The stub, what ``dir`` lists and what can be used are the same names; others are refused."""
    listed = {
        name.asname or name.name for line in ast.parse(STUB.read_text()).body for name in line.names
    }

    assert set(mc.__all__) == set(dir(mc)) == listed
    assert {name for name in listed if not hasattr(mc, name)} == set()
    with pytest.raises(AttributeError, match="Gausian"):
        _ = mc.Gausian


def test_an_object_is_the_one_of_its_module():
    """A name is never taken for a module of that name, however things were imported."""
    for line in ast.parse(STUB.read_text()).body:
        home = importlib.import_module(f"modelcollapse.{line.module or ''}".rstrip("."))
        for name in line.names:
            assert getattr(mc, name.asname) is getattr(home, name.name)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_says_what_the_list_says(name):
    """The first sentence of a command's own description is that of the list of commands."""
    command = getattr(importlib.import_module(f"modelcollapse.cli.{name}"), name)
    own = inspect.getdoc(getattr(command, "default_command", command))

    assert own.split("\n\n")[0] == COMMANDS[name].split("\n\n")[0]


def test_the_first_compilation_is_said_once(capsys):
    """Only this package's loops are announced, and only the first."""
    notice = Notice()
    for module in (
        "theirs.loops",
        "modelcollapse.families.gaussian.kernels",
        "modelcollapse._support.compiled",
    ):
        loop = SimpleNamespace(py_func=SimpleNamespace(__module__=module))
        notice.on_start(SimpleNamespace(data={"dispatcher": loop}))
        notice.on_end(None)
        assert capsys.readouterr().err.count("compiling") == (module.endswith("kernels"))


def test_a_cold_machine_says_that_it_compiles(tmp_path):
    """The first process compiles and says so once; the second finds the result and is silent."""
    cold, warm = (run(COLD, NUMBA_CACHE_DIR=str(tmp_path)) for _ in range(2))

    assert cold == (
        "",
        "modelcollapse: compiling for this machine, which takes some seconds, once\n",
    )
    assert warm == ("", "")
