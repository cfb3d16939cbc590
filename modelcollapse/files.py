"""Writing files so that nothing half-written is ever left."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from modelcollapse.errors import InvalidInput


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
