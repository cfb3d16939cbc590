"""Files that this package reads again: each holds a digest of itself, so that damage is found.

A JSON file has it as the last member, "seal"; a Parquet file as the key "modelcollapse" of its
metadata, which other readers of Parquet pass over. It is the SHA-256 of the file's bytes, with
zeros where the digest stands.
"""

import hashlib
import io
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from modelcollapse._support.errors import InvalidInput, missing
from modelcollapse._support.files import replacing

BLANK = b"sha256:" + b"0" * 64
AGAIN = "the command that wrote it makes it again"
SEAL = re.compile(rb"sha256:[0-9a-f]{64}")


class DamagedError(InvalidInput):
    """A file of this package is missing, or is not what was written."""


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write an object, whole or not at all."""
    text = json.dumps({**value, "seal": BLANK.decode()}, indent=1) + "\n"
    with replacing(path) as partial:
        partial.write_bytes(_sealed(text.encode()))


def read_json(path: Path, form: int | tuple[int, ...] | None = None) -> dict[str, Any]:
    """Return the object that was written.

    Parameters
    ----------
    path
        The file.
    form
        What it has to have under "format", or all that it may have.

    Raises
    ------
    DamagedError
        If the file is missing, or one bit of it is another.
    InvalidInput
        If it has another format.
    """
    try:
        found: dict[str, Any] = json.loads(_checked(path))
    except DamagedError:  # perhaps of a version that sealed nothing
        _check_format(path, _guess(path), form)
        raise
    _check_format(path, found.get("format"), form)
    del found["seal"]
    return found


def _check_format(path: Path, there: Any, form: int | tuple[int, ...] | None) -> None:
    forms = form if isinstance(form, tuple) else (form,)
    if form is not None and isinstance(there, int) and there not in forms:
        read = " and ".join(map(str, forms))
        raise InvalidInput(
            f"{path} has format {there}, and this version reads {read}: give another folder, or "
            "remove it"
        )


def _guess(path: Path) -> Any:
    if not path.is_file():
        return None
    try:
        return json.loads(path.read_bytes())["format"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def write_table(path: Path, columns: Any, of: str = "") -> None:
    """Write a data frame, or columns of equal length, whole or not at all.

    `of` says what the file is of, so that another's in its place is found.
    """
    pl = frames()
    frame = columns if isinstance(columns, pl.DataFrame) else pl.DataFrame(dict(columns))
    buffer = io.BytesIO()
    frame.write_parquet(buffer, metadata={"of": of, "modelcollapse": BLANK.decode()})
    with replacing(path) as partial:
        partial.write_bytes(_sealed(buffer.getvalue()))


def read_table(path: Path, of: str = "") -> Any:
    """Return the data frame that was written; errors are those of `scan_table`."""
    return scan_table(path, of).collect()


def scan_table(path: Path, of: str = "") -> Any:
    """Return the data frame that was written, checked and lazy: decoded when it is collected.

    Raises
    ------
    DamagedError
        If the file is missing, one bit of it is another, or it is of something else.
    """
    data = _checked(path)
    if frames().read_parquet_metadata(io.BytesIO(data)).get("of") != of:
        raise DamagedError(f"{path} is damaged (it is another one's): {AGAIN}")
    return frames().scan_parquet(io.BytesIO(data))


def told_of(path: Path) -> tuple[str, bool]:
    """Return what a Parquet file of anybody says that it is of, and whether that is still so.

    Other programs keep the text where they change the rows, but not the digest.
    """
    with path.open("rb") as file:
        of = str(frames().read_parquet_metadata(file).get("of", ""))
    if not of:
        return "", True
    try:
        _checked(path)
    except DamagedError:
        return of, False
    return of, True


def digest(path: Path) -> str:
    """Return the SHA-256 of a file of any size."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def no_parquet(path: Path, error: Exception) -> InvalidInput:
    """Build the error for a file of anybody that Polars does not read."""
    remedy = "give one, or a CSV file whose name ends in .csv"
    if path.stat().st_size == 0:
        return InvalidInput(f"{path} is empty, and not a Parquet file: {remedy}")
    reason = str(error).partition("\n")[0].rpartition("specification: ")[2]
    return InvalidInput(f"{path} is not a Parquet file ({reason}): {remedy}")


def read_frame(path: Path) -> Any:
    """Return the data frame in a Parquet file of anybody, whatever characters its name has.

    Raises
    ------
    OSError
        If it cannot be opened.
    InvalidInput
        If it is no Parquet file.
    """
    pl = frames()
    with path.open("rb") as file:  # given a name, Polars would read patterns and addresses into it
        try:
            return pl.read_parquet(file)
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
            raise no_parquet(path, error) from error


def index_columns(path: Path) -> list[str]:
    """Return the columns of a Parquet file that pandas has written as an index."""
    with path.open("rb") as file:
        told = frames().read_parquet_metadata(file).get("pandas", "{}")
    try:
        found = json.loads(told).get("index_columns", [])
    except (ValueError, AttributeError):
        return []
    return [name for name in found if isinstance(name, str)]


def frames(extra: str = "frames", purpose: str = "reading and writing Parquet files") -> Any:
    """Return polars, or raise MissingDependency that names an extra of this package."""
    try:
        import polars as pl
    except ImportError as error:
        raise missing("polars", extra, purpose) from error
    return pl


def _sealed(data: bytes) -> bytes:
    """Return a file's bytes with their digest where the blank one was, which is the last seal."""
    start = data.rindex(BLANK)
    digest = hashlib.sha256(data).hexdigest().encode()
    return b"".join([data[:start], b"sha256:", digest, data[start + len(BLANK) :]])


def _checked(path: Path) -> bytes:
    """Return a sealed file's bytes."""
    if path.exists() and not path.is_file():  # a pipe is not waited for
        raise DamagedError(f"{path} is no regular file: {AGAIN} once it is removed")
    try:
        data = path.read_bytes()
    except OSError as error:
        reason = error.strerror or error
        remedy = "check its name" if isinstance(error, FileNotFoundError) else AGAIN
        raise DamagedError(f"{path} cannot be read ({reason}): {remedy}") from error
    starts = [match.start() for match in SEAL.finditer(data)]
    if not starts:
        raise DamagedError(f"{path} is damaged (it does not hold its digest): {AGAIN}")
    if _sealed(b"".join([data[: starts[-1]], BLANK, data[starts[-1] + len(BLANK) :]])) != data:
        raise DamagedError(f"{path} is damaged (its digest is not its own): {AGAIN}")
    return data
