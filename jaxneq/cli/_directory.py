"""The directory of a job: what is in it, and when it may be written to."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
from collections.abc import Iterator
from pathlib import Path

from jaxneq import config, store

REMEDY = "Give another directory with --out, or --overwrite to discard what is there."


@dataclasses.dataclass(frozen=True)
class Directory:
    """Where a job is kept and its result written."""

    path: Path

    @property
    def job(self) -> Path:
        """The job file, as it was run."""
        return self.path / "job.toml"

    @property
    def result(self) -> Path:
        """The result; it is there whole or not at all."""
        return self.path / "result.h5"

    @property
    def checkpoint(self) -> Path:
        """The state of a sampled run that is not finished."""
        return self.path / "checkpoint.h5"

    @property
    def figure(self) -> Path:
        """The figure."""
        return self.path / "figure.png"

    @property
    def geometry(self) -> Path:
        """The picture of what is about to be computed."""
        return self.path / "geometry.png"

    @property
    def page(self) -> Path:
        """The page."""
        return self.path / "report.html"

    @property
    def log(self) -> Path:
        """What happened, and when."""
        return self.path / "log.txt"

    def finished(self, job: config.Job) -> store.Result | None:
        """The result of `job` if it is here.

        **Raises:** `JobError` if what is here belongs to another job.
        """
        if self.result.exists():
            try:
                result = store.read_result(self.result)
            except ValueError as error:
                raise config.JobError(f"{error} {REMEDY}") from None
            if result.attributes.get("identity") != job.identity:
                raise config.JobError(f"{self.path} holds the result of another job. {REMEDY}")
            return result
        if self.checkpoint.exists() and config.identity(self.job) != config.identity(job.text):
            raise config.JobError(f"{self.path} holds another job, unfinished. {REMEDY}")
        return None

    def clear(self) -> None:
        """Discard what is here of a job, and nothing else."""
        drawn = self.figure, self.geometry, self.page
        for file in (self.result, self.checkpoint, *drawn, self.log, self.job):
            file.unlink(missing_ok=True)

    @contextlib.contextmanager
    def opened(self, job: config.Job) -> Iterator[None]:
        """Keep `job` here while it is done. A job that turns out to be bad leaves no trace."""
        created = [path for path in (self.path, *self.path.parents) if not path.exists()]
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            store.write_bytes(self.job, job.text.encode())  # which also shows that one can
            yield
        except (ValueError, OSError):
            with contextlib.suppress(OSError):
                if not (self.result.exists() or self.checkpoint.exists()):
                    self.clear()
                for path in created:
                    path.rmdir()
            raise

    def note(self, text: str) -> None:
        """A line for the log."""
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        with open(self.log, "a", encoding="utf-8") as file:
            file.write(f"{now}  {text}\n")
