"""A file appears whole or not at all."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


def write_bytes(path: str | os.PathLike, data: bytes | memoryview) -> None:
    """Write a file so that a reader, a crash or a full disk never sees half of it.

    The bytes go to ``<path>.part``, reach the disk, and then take the place of `path` in one
    step. On any failure the ``.part`` is removed and an older file at `path` stays as it was;
    after a SIGKILL a ``.part`` may be left, which the next write replaces.

    **Raises:** `OSError`, of the kind and number the system gave, naming the file.
    """
    path = Path(path)
    part = path.with_name(path.name + ".part")
    try:
        try:
            with open(part, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, path)
        except BaseException:
            with contextlib.suppress(OSError):
                part.unlink()
            raise
        _sync_directory(path.parent)
    except OSError as error:
        reason = f"cannot write {path.name}: {error.strerror}; nothing was changed"
        raise OSError(error.errno, reason, str(path)) from error


def _sync_directory(directory: Path) -> None:
    """Make the new name itself durable."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
