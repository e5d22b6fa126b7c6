"""`run`, `resume` and `report`: from a job to its files."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from jaxneq import config, store
from jaxneq import report as pages
from jaxneq._core import Outlook
from jaxneq._version import __version__

from . import _compile_cache
from ._directory import Directory
from ._interrupt import reminded
from ._progress import progress


def run(
    file: Path,
    overrides: Sequence[str],
    out: Path,
    overwrite: bool,
    checkpoint_every: float,
    *,
    design: bool = False,
) -> int:
    """Do the job in a file, a `design` if that is wanted, unless its result is there already."""
    job = config.load(file, overrides)
    if design and job.design is None:
        raise config.JobError(f"{file}: there is no [design] in it. `jaxneq run {file}`?")
    directory = Directory(out)
    if overwrite:
        directory.clear()
    return _pursue(job, directory, checkpoint_every)


def look(file: Path, overrides: Sequence[str], out: Path) -> int:
    """Say what a job is and how large, and draw its geometry, without doing it."""
    job = config.load(file, overrides)
    _compile_cache.turn_on()
    facts, preview = config.look(job)
    facts |= preview.facts if preview is not None else {}
    print(job.title)
    for name, said in facts.items():
        print(f"{name}: {said}")
    if preview is not None:
        picture = Directory(out).geometry
        pages.build_geometry(picture, job.title, preview)
        print(f"\ngeometry  {picture}")
    return 0


def resume(path: Path, checkpoint_every: float) -> int:
    """Continue the job kept in a directory."""
    directory = Directory(path)
    if not directory.job.is_file():
        raise config.JobError(f"{path}: no job is kept here. `jaxneq run FILE --out {path}`?")
    return _pursue(config.load(directory.job), directory, checkpoint_every)


def report(path: Path) -> int:
    """Draw the figure and the page again."""
    directory = Directory(path)
    result = store.read_result(directory.result)
    pages.build(path)
    _tell(result, directory)
    return 0


def _pursue(job: config.Job, directory: Directory, checkpoint_every: float) -> int:
    result = directory.finished(job)
    if result is not None:
        print(f"{directory.path}: this job is done already. --overwrite does it again.")
        if not (directory.figure.exists() and directory.page.exists()):
            pages.build(directory.path)
        return _tell(result, directory)

    _compile_cache.turn_on()
    with directory.opened(job):
        try:
            result = _compute(job, directory, checkpoint_every)
        except KeyboardInterrupt:
            return _stopped(directory)
        for line in config.failures(result):
            directory.note(line)
        pages.build(directory.path)
    return _tell(result, directory)


def _compute(job: config.Job, directory: Directory, checkpoint_every: float) -> store.Result:
    directory.note(f"jaxneq {__version__}: {job.title}, from {job.name}")
    for override in job.overrides:
        directory.note(f"with {override}")
    checkpointer = None
    in_steps = job.verb == "simulate" or job.design is not None
    if in_steps:
        # Another version may keep another state, or give the same state another meaning.
        checkpointer = store.Checkpointer(
            directory.checkpoint, identity=f"{job.identity} {__version__}"
        )
        if directory.checkpoint.exists():
            directory.note("continued from the checkpoint")
            print(f"continuing from {directory.checkpoint}", file=sys.stderr)
    with progress("steps" if in_steps else "points") as update:
        watched = reminded(update)
        result = config.execute(job, watched, checkpointer, checkpoint_every, _announce)
    store.write_result(directory.result, result)
    if checkpointer is not None:
        checkpointer.remove()
    directory.note(f"done in {result.provenance['wall_time']:.1f} s")
    return result


def _announce(cost: Outlook) -> None:
    print(cost, file=sys.stderr)


def _stopped(directory: Directory) -> int:
    directory.note("stopped")
    if directory.checkpoint.exists():
        next_time = "Its state is kept; `jaxneq resume {}` goes on from there."
    else:
        next_time = "Nothing is kept of it; `jaxneq resume {}` starts it again."
    print(f"\njaxneq: stopped. {next_time.format(directory.path)}", file=sys.stderr)
    return 130


def _tell(result: store.Result, directory: Directory) -> int:
    """What was found and where it is; the exit status."""
    for line in pages.summary(result):
        print(line)
    print()
    for name, file in (
        ("result", directory.result),
        ("figure", directory.figure),
        ("report", directory.page),
    ):
        print(f"{name}  {file}")
    failed = config.failures(result)
    for line in failed:
        print(f"jaxneq: {line}", file=sys.stderr)
    return 1 if failed else 0
