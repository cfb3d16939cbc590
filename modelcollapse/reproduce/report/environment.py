"""Where and with what the report was made."""

import os
import platform
from datetime import datetime
from importlib.metadata import version

PACKAGES = ("modelcollapse", "numpy", "scipy", "numba")


def environment(date: datetime) -> dict[str, str]:
    """Return versions, the kind of machine and the date; no names of machines, users or folders."""
    return {
        **{package: version(package) for package in PACKAGES},
        "Python": f"{platform.python_version()} ({platform.python_implementation()})",
        "machine": f"{platform.system()}, {platform.machine()}, {os.cpu_count()} CPUs",
        "date": date.isoformat(sep=" ", timespec="seconds"),
    }
