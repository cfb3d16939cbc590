"""Writing files so that nothing half-written is ever left, and nothing of others is touched."""

import os
import re
import secrets
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from modelcollapse._support.errors import InvalidInput, missing

try:
    import fcntl
except ImportError:  # not on Windows: there half-written files of a killed run stay
    fcntl = None  # type: ignore[assignment]

PARTIAL = r"\.[0-9a-f]{8}\.partial"  # what follows a name while its content is being written


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; it replaces `path` if the block succeeds.

    The file is on the disk before it has its name. A symbolic link goes on pointing to the file,
    and permissions stay.
    """
    path = path.resolve() if path.is_symlink() else path
    if path.exists() and not path.is_file():
        raise InvalidInput(f"{str(path)!r} is no regular file: nothing is written in its place")
    flags = os.O_CREAT | os.O_EXCL | os.O_RDWR
    partial, handle = _begun(path, lambda new: os.open(new, flags, 0o666))
    try:
        yield partial
        if path.exists():
            partial.chmod(stat.S_IMODE(path.stat().st_mode))
        synced(partial)
        partial.replace(path)
    finally:
        os.close(handle)
        partial.unlink(missing_ok=True)


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """Give a new temporary folder beside `path`; it takes that name if the block succeeds.

    Files are on the disk before the name is: after a crash the folder is whole or absent.
    """

    def make(new: Path) -> int:
        new.mkdir()
        return os.open(new, os.O_RDONLY) if fcntl else os.open(os.devnull, os.O_RDONLY)

    partial, handle = _begun(path, make)
    try:
        yield partial
        for file in partial.rglob("*"):
            if file.is_file():
                synced(file)
        partial.replace(path)
        synced(path.parent)
    finally:
        os.close(handle)
        shutil.rmtree(partial, ignore_errors=True)


def clear(folder: Path, names: str) -> None:
    """Remove what killed writers left in a folder of files or folders with such names.

    `names` is a regular expression of whole names. What a living process is writing stays, as do
    other people's files.
    """
    if fcntl is None or not folder.is_dir():
        return
    ours = re.compile(f"(?:{names}){PARTIAL}")
    for path in [path for path in folder.iterdir() if ours.fullmatch(path.name)]:
        try:
            handle = os.open(path, os.O_RDONLY)
        except OSError:
            continue
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        except OSError:
            continue
        finally:
            os.close(handle)


def left_over(path: Path, names: str) -> bool:
    """Return whether a file is one that `clear` would remove of such names."""
    return re.fullmatch(f"(?:{names}){PARTIAL}", path.name) is not None


def check_writable(name: str, path: Path) -> None:
    """Raise InvalidInput unless the file can be written; what a killed writer left is removed.

    `name` is what the argument is called in the message.
    """
    if path.is_dir():
        raise InvalidInput(f"{name} = {str(path)!r} is a directory: give a file name")
    if path.exists() and not path.is_file():
        raise InvalidInput(f"{name} = {str(path)!r} is no regular file: give a file name")
    path = path.resolve() if path.is_symlink() else path
    if not path.parent.is_dir():
        raise InvalidInput(
            f"{name} = {str(path)!r} cannot be written: there is no folder {str(path.parent)!r}"
        )
    probe = path.with_name(f"{path.name}.{secrets.token_hex(4)}.partial")
    try:
        probe.touch(exist_ok=False)
        probe.unlink()
        if path.exists() and not os.access(path, os.W_OK):
            raise PermissionError(13, "Permission denied")
    except (OSError, ValueError) as error:
        raise InvalidInput(
            f"{name} = {str(path)!r} cannot be written "
            f"({getattr(error, 'strerror', None) or error}): "
            "give a file in an existing folder that you may write to"
        ) from error
    clear(path.parent, re.escape(path.name))


@contextmanager
def locked(folder: Path, extra: str) -> Iterator[None]:
    """Keep other processes that lock the folder out of it; one that is killed releases it.

    `extra` is the optional dependency of this package that the lock's own package belongs to.
    """
    try:
        from filelock import FileLock, Timeout
    except ImportError as error:
        raise missing("filelock", extra, "keeping two processes out of one folder") from error
    lock = FileLock(folder / "lock")
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise InvalidInput(
            f"output = {str(folder)!r}: another process is working in it; wait, or give another "
            "folder"
        ) from error
    try:
        yield
    finally:
        lock.release()


def synced(path: Path) -> None:
    """Bring a file or a folder's names to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _begun(path: Path, make: Callable[[Path], int]) -> tuple[Path, int]:
    """Return a new path beside `path` and what holds its lock, as long as this process lives."""
    while True:
        partial = path.with_name(f"{path.name}.{secrets.token_hex(4)}.partial")
        handle = make(partial)
        if fcntl is not None:
            try:
                fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:  # no locks on this file system: then `clear` gets none either
                return partial, handle
        if partial.exists():  # it was not cleared away before it was locked
            return partial, handle
        os.close(handle)
