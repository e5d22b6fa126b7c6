"""Arguments in, exit status out; every expected failure is one message, told here."""

from __future__ import annotations

import argparse
import errno
import gc
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from jaxneq._version import __version__

from ._interrupt import handled

# What needs JAX is imported by the command that needs it: help and usage errors are instant.

EPILOG = "Exit status: 0 done, 1 a computation failed, 2 a bad job or file, 130 interrupted."


def main(argv: Sequence[str] | None = None) -> int:
    """The command `jaxneq`. Returns the exit status."""
    # A program from the compilation cache makes XLA log, as errors, tuning flags that are no
    # features of the processor. Real failures arrive as exceptions.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # Tracing makes many small objects: collected less often, it takes two thirds of the time.
    gc.set_threshold(50_000, 20, 50)
    # Each core is a device: an ensemble is spread over them.
    os.environ.setdefault("JAX_NUM_CPU_DEVICES", str(_cores()))
    try:
        args = _parser().parse_args(argv)
    except SystemExit as usage:
        return int(usage.code or 0)
    try:
        with handled():
            status = _dispatch(args)
        sys.stdout.flush()
        return status
    except BrokenPipeError:
        # The reader has left, as in `jaxneq list | head`; nothing more can be said to it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("\njaxneq: stopped", file=sys.stderr)
        return 130
    except Exception as error:
        if getattr(args, "debug", False) or (explained := _explain(error)) is None:
            raise
        message, status = explained
        print(f"jaxneq: {message}", file=sys.stderr)
        return status


def _cores() -> int:
    available = getattr(os, "sched_getaffinity", None)  # not on every system
    return len(available(0)) if available is not None else os.cpu_count() or 1


def _explain(error: Exception) -> tuple[str, int] | None:
    """One message and the exit status for a failure that can be expected; None for a defect."""
    if isinstance(error, OSError):
        named = f"{error.filename}: " if error.filename else ""
        remedy = ""
        if error.errno == errno.ENOSPC:
            remedy = ". Free some space, or give another directory with --out"
        elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST):
            remedy = ". Give a directory that can be written to with --out"
        return f"{named}{error.strerror or error}{remedy}", 2
    from jax.errors import JaxRuntimeError

    from jaxneq._core import SolveError

    if isinstance(error, SolveError):
        return str(error), 1
    if isinstance(error, MemoryError) or (
        isinstance(error, JaxRuntimeError) and "RESOURCE_EXHAUSTED" in str(error)
    ):
        first = str(error).partition("\n")[0]
        return f"out of memory: {first} Make the grid, the ensemble or the sweep smaller.", 1
    if isinstance(error, ValueError):  # misuse, as every room reports it
        return str(error), 2
    return None


def _dispatch(args: argparse.Namespace) -> int:
    match args.command:
        case "run":
            from ._run import look, run

            out = args.out or Path("results") / args.file.stem
            if args.dry:
                return look(args.file, args.set, out)
            return run(args.file, args.set, out, args.overwrite, args.checkpoint_every)
        case "design":
            from ._run import run

            out = args.out or Path("results") / args.file.stem
            kept = args.overwrite, args.checkpoint_every
            return run(args.file, args.set, out, *kept, design=True)
        case "resume":
            from ._run import resume

            return resume(args.directory, args.checkpoint_every)
        case "report":
            from ._run import report

            return report(args.directory)
        case "list":
            from ._inspect import show_list

            return show_list(args.name)
        case "material":
            from ._material import material

            return material(args.name, args.temperature, args.out)
        case "schema":
            from ._inspect import show_schema

            return show_schema()
        case "validate":
            from ._validate import validate

            return validate(args.engine, args.json)
        case "doctor":
            from ._doctor import doctor

            return doctor()
    raise AssertionError(args.command)


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--debug",
        action="store_true",
        default=argparse.SUPPRESS,
        help="show the traceback of a failure",
    )
    parser = argparse.ArgumentParser(
        prog="jaxneq",
        description="Transport far from equilibrium, from a job file to a result, a figure and a "
        "page.",
        epilog=EPILOG,
        parents=[common],
    )
    parser.add_argument("--version", action="version", version=f"jaxneq {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, help: str) -> argparse.ArgumentParser:
        return commands.add_parser(
            name, help=help, description=help[0].upper() + help[1:] + ".", parents=[common]
        )

    every = argparse.ArgumentParser(add_help=False)
    every.add_argument(
        "--checkpoint-every",
        type=float,
        default=30.0,
        metavar="SECONDS",
        help="wall time between checkpoints of a simulate or design job (default: 30)",
    )

    job = argparse.ArgumentParser(add_help=False)
    job.add_argument("file", type=Path, metavar="FILE", help="job file (TOML)")
    job.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="replace a value, such as --set system.thickness=50e-9 (repeatable)",
    )
    job.add_argument(
        "--out", type=Path, metavar="DIR", help="where to write (default: results/<name of FILE>)"
    )
    job.add_argument("--overwrite", action="store_true", help="discard what DIR holds of a job")

    run = commands.add_parser(
        "run",
        help="do the job in a file",
        description="Do the job in a file. Running it again does nothing if its result is there, "
        "and continues a simulate job from its checkpoint.",
        parents=[common, every, job],
    )
    run.add_argument(
        "--dry",
        action="store_true",
        help="only say what the job is and how large, and draw its geometry",
    )
    commands.add_parser(
        "design",
        help="find the best parameters for the goal in a file",
        description="Find the best parameters for the goal that a file states in [design]. Running "
        "it again does nothing if its result is there, and continues from its checkpoint.",
        parents=[common, every, job],
    )

    resume = commands.add_parser(
        "resume",
        help="continue the job kept in a directory",
        description="Continue the job kept in a directory.",
        parents=[common, every],
    )
    resume.add_argument("directory", type=Path, metavar="DIR")

    report = command("report", "draw the figure and the page of a result again")
    report.add_argument("directory", type=Path, metavar="DIR")

    listing = command("list", "list systems, methods and materials, or the parameters of one")
    listing.add_argument(
        "name", nargs="?", metavar="NAME", help="such as phonon, or phonon.CrossPlaneFilm"
    )

    material = command("material", "evaluate a material, name its sources and draw it")
    material.add_argument(
        "name",
        metavar="NAME",
        help="such as Si, kappa-m191919.hdf5 (phono3py) or a folder of ShengBTE",
    )
    material.add_argument(
        "--temperature", type=float, default=300.0, metavar="KELVIN", help="default: 300"
    )
    material.add_argument(
        "--out", type=Path, metavar="DIR", help="where to draw (default: results/NAME)"
    )

    command("schema", "print the JSON schema of job files, for editors")

    validate = command("validate", "compute cases with known answers and compare")
    validate.add_argument("engine", nargs="?", metavar="ENGINE", help="such as phonon")
    validate.add_argument("--json", action="store_true", help="print JSON")

    command("doctor", "say what this installation runs on and what is wrong with it")
    return parser
