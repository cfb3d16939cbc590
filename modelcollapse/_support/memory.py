"""Memory: what is free, and refusing work that cannot fit before the system kills it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from modelcollapse._support.errors import InvalidInput

try:
    import resource
except ImportError:  # not on Windows
    resource = None  # type: ignore[assignment]

GIB = 2**30
SMALL = 2**27
SLACK = GIB  # reserved by libraries and never written to
GROUPS = (
    ("memory.max", "memory.current"),
    ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
)


def free(system: Path = Path("/proc/meminfo"), groups: Path = Path("/sys/fs/cgroup")) -> int | None:
    """Return the bytes that can be used without swapping, or None where nobody says."""
    try:
        lines = dict(line.split(":", 1) for line in system.read_text().splitlines())
        least = 1024 * int(lines["MemAvailable"].split()[0])
    except (OSError, ValueError, KeyError):
        return None
    for most, used in GROUPS:
        try:
            room = int((groups / most).read_text()) - int((groups / used).read_text())
        except (OSError, ValueError):  # there is no such group, or it has no limit
            continue
        least = min(least, max(0, room))
    return least


def require(size: float, what: str) -> None:
    """Raise InvalidInput if so many bytes are not free; `what` needs them."""
    if size < SMALL:  # asking takes longer than having it
        return
    room = free()
    if room is not None and size > room:
        raise InvalidInput(
            f"{what} need about {size / GIB:,.1f} GiB of memory, and {room / GIB:,.1f} GiB are "
            "free: ask for fewer"
        )


@contextmanager
def limited() -> Iterator[None]:
    """Have what does not fit fail here, as MemoryError, before the system kills the process."""
    room, held = free(), _held()
    if resource is None or room is None or held is None:
        yield
        return
    before = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = held + room + SLACK
    if before[0] != resource.RLIM_INFINITY:
        wanted = min(wanted, before[0])
    resource.setrlimit(resource.RLIMIT_DATA, (wanted, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, before)


def _held() -> int | None:
    """Return the bytes of data that this process has."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
        return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmData:"))
    except (OSError, ValueError, StopIteration):
        return None
