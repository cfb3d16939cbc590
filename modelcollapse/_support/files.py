"""Writing files so that nothing half-written is ever left."""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from modelcollapse._support.errors import InvalidInput, missing


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; it replaces `path` if the block succeeds."""
    partial = path.with_name(f"{path.name}.{secrets.token_hex(4)}.partial")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def check_writable(name: str, path: Path) -> None:
    """Raise InvalidInput unless the file can be written; nothing is left behind.

    `name` is what the argument is called in the message.
    """
    if path.is_dir():
        raise InvalidInput(f"{name} = {str(path)!r} is a directory: give a file name")
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
            f"{name} = {str(path)!r} cannot be written ({error}): "
            "give a file in an existing folder that you may write to"
        ) from error


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """Give a new temporary folder beside `path`; it takes that name if the block succeeds.

    Files are on the disk before the name is: after a crash the folder is whole or absent.
    """
    partial = path.with_name(f"{path.name}.{secrets.token_hex(4)}.partial")
    partial.mkdir()
    try:
        yield partial
        for file in partial.rglob("*"):
            if file.is_file():
                synced(file)
        partial.replace(path)
        synced(path.parent)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


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
