"""Compiled functions against the same functions run by Python, which checks every index."""

import json
import os
import subprocess
import sys

import numpy as np

from tests.helpers import every_kernel

EPS = np.finfo(float).eps


def test_compiled_functions_do_what_their_code_says(tmp_path):
    """All of them are called, none reads or writes beyond an array, and the numbers agree.

    The random numbers are the same; sums in another order differ by some thousand roundings.
    """
    path = tmp_path / "numbers.npz"
    subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.helpers.every_kernel", str(path)],
        env=os.environ | {"NUMBA_DISABLE_JIT": "1", "PYTHONPATH": os.pathsep.join(sys.path)},
        check=True,
    )
    table = np.load(path)
    assert every_kernel.kernels() <= set(json.loads(str(table["called"])))
    with np.errstate(all="ignore"):  # a degenerate fit has the logarithm of 0
        numbers = every_kernel.numbers()
    for name, value in numbers.items():
        np.testing.assert_allclose(
            value, table[name], rtol=1e4 * EPS, atol=1e4 * EPS, equal_nan=True, err_msg=name
        )
    assert set(numbers) | {"called"} == set(table.files)
