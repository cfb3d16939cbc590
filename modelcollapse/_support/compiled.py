"""How code is compiled, and where what was compiled is kept.

Sums may be reordered and fused, which is what makes dot products fast. The cache is keyed by
each function's own file: after editing one that others call, delete __pycache__. The first
compilation of a process says so on standard error, since it looks as if nothing happened.
"""

import multiprocessing
import os
import stat
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from numba.core import event, types
from numba.core.caching import FunctionCache, NullCache

from modelcollapse._support.workers import compiling

CONFIG: Any = numba.config
F = TypeVar("F", bound=Callable[..., Any])
ONCE = "modelcollapse: compiling for this machine, which takes some seconds, once"
NOWHERE = (
    "modelcollapse: compiling, which takes some seconds: neither the package's folder nor your "
    "cache folder can be written. The result is kept {}; NUMBA_CACHE_DIR names another folder"
)


def compiled(function: F) -> F:
    """Compile a function when it is first called; what was compiled is kept for later processes."""
    options: Any = {"error_model": "numpy", "fastmath": {"contract", "reassoc"}}
    loop: Any = numba.njit(nogil=True, **options)(function)
    if not CONFIG.DISABLE_JIT:
        loop.get_call_template = partial(_of_types, loop)
        loop._cache = _kept(function)  # noqa: SLF001 - what the option cache sets
    return cast("F", loop)


def _of_types(loop: Any, arguments: Any, named: Any) -> Any:
    """Return what a call in compiled code calls: one version of a function for 0, 1 and n."""
    plain: Any = types.unliteral
    arguments = tuple(plain(kind) for kind in arguments)
    named = {name: plain(kind) for name, kind in named.items()}
    return type(loop).get_call_template(loop, arguments, named)


class Kept(FunctionCache):
    """Numba's cache, in which a damaged file is as good as none, and a full disk no error."""

    def load_overload(self, *key: Any) -> Any:
        """Return what was compiled for these types, or None."""
        try:
            return super().load_overload(*key)  # type: ignore[no-untyped-call]
        except Exception:  # noqa: BLE001 - a damaged pickle raises what it likes
            with suppress(OSError):
                self.flush()  # type: ignore[no-untyped-call]
            return None

    def save_overload(self, *result: Any) -> None:
        """Keep it, if that is possible."""
        with suppress(Exception):
            super().save_overload(*result)  # type: ignore[no-untyped-call]


def _kept(function: Callable[..., Any]) -> Any:
    """Return where the function is kept: where numba can, in a temporary folder, or in memory."""
    keep: Any = Kept
    before = CONFIG.CACHE_DIR
    try:
        return keep(function)
    except RuntimeError:  # numba's, if it can write in no folder
        notice.text, notice.lasting = NOWHERE.format("in memory"), False
    try:
        CONFIG.CACHE_DIR = str(folder := _temporary())
        kept = keep(function)
    except (OSError, RuntimeError):
        return NullCache()
    finally:
        CONFIG.CACHE_DIR = before
    notice.text = NOWHERE.format(f"in {folder}")
    return kept


def _temporary() -> Path:
    """Return a temporary folder, the same in every process, that none but this user can write."""
    user = os.getuid() if hasattr(os, "getuid") else None
    folder = Path(tempfile.gettempdir()) / f"modelcollapse-{user}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if user is not None and (found.st_uid != user or stat.S_IMODE(found.st_mode) & 0o077):
        raise PermissionError(f"{folder} is not this user's alone")
    return folder


inlined = numba.njit(inline="always", error_model="numpy", fastmath={"contract", "reassoc"})


class Notice(event.Listener):
    """Says once that this package's loops are being compiled, and not loaded from the cache."""

    def __init__(self) -> None:
        # Of several workers, which compile at the same time, the first one speaks.
        self.text, self.lasting = ONCE, True
        self.given = not multiprocessing.current_process().name.endswith(("MainProcess", "-1"))

    def on_start(self, event: event.Event) -> None:
        """Tell the user why it takes some seconds."""
        own = event.data["dispatcher"].py_func.__module__.startswith("modelcollapse.")
        if own and not self.given:
            self.given = True
            print(self.text, file=sys.stderr)  # noqa: T201
        if own and self.lasting:
            compiling()

    def on_end(self, event: event.Event) -> None:
        """Do nothing: the loop itself speaks from here on."""


notice = Notice()
event.register("numba:compile", notice)  # type: ignore[no-untyped-call]
