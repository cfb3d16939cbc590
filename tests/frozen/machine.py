"""The machine that bits belong to: what may change how numbers are rounded."""

import platform
from functools import cache

DISTRIBUTIONS = ("numpy", "scipy", "numba", "llvmlite")


@cache
def fingerprint():
    """Return what the bits of a simulation may depend on, as texts by name; Python does not."""
    from importlib.metadata import version

    import scipy.linalg  # noqa: F401 - loads its BLAS
    from llvmlite import binding
    from numba import config

    features = sorted(name for name, there in binding.get_host_cpu_features().items() if there)
    return {
        "machine": platform.machine(),
        "system": f"{platform.system()}, {' '.join(platform.libc_ver())}",
        **{name: version(name) for name in DISTRIBUTIONS},
        "cpu": config.CPU_NAME or binding.get_host_cpu_name(),
        "features": config.CPU_FEATURES or " ".join(features),
        "vector mathematics": str(config.USING_SVML),
        "blas": "; ".join(_blas()),
    }


def _blas():
    """Return the linear algebra libraries of NumPy and SciPy with the cores they are made for."""
    from threadpoolctl import threadpool_info

    own = ("numpy", "scipy")
    return sorted(
        {
            f"{library['internal_api']} {library['version']} {library.get('architecture')}"
            for library in threadpool_info()
            if library["user_api"] == "blas" and any(name in library["filepath"] for name in own)
        }
    )


def foreign(recorded):
    """Return in what this machine is another one than the recorded, in words; or nothing."""
    here = fingerprint()
    return [
        f"{name}: {recorded.get(name)} was recorded, here it is {here.get(name)}"
        for name in sorted({*recorded, *here})
        if recorded.get(name) != here.get(name)
    ]
