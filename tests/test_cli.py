"""The command: what it writes, what it says, with which status it ends, and how it is stopped."""

import contextlib
import errno
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import jax
import numpy as np
import pytest
import toy_engine

import jaxneq.cli._doctor as doctor_module
import jaxneq.cli._run as run_module
from jaxneq import store
from jaxneq.cli import _compile_cache, main

pytestmark = pytest.mark.optimised  # the same bits in processes of their own

TESTS = Path(__file__).parent
BUILD = run_module.pages.build
JOB = """
title = "A rod"
verb = "steady"
[system]
type = "toy.Rod"
length = 2.0
medium = "copper"
[sweep]
"system.length" = { linear = [1.0, 4.0], count = 4 }
"""
SAMPLE = """
verb = "simulate"
[system]
type = "toy.Rod"
length = 2.0
medium = "copper"
[method]
type = "toy.Walk"
replicas = 64
[simulate]
time = 3000
seed = 7
"""


@pytest.fixture(autouse=True)
def toy(monkeypatch, alone):
    """The toy engine, an empty directory, a cache of its own."""
    toy_engine.register(monkeypatch)


@pytest.fixture(autouse=True)
def pages(monkeypatch):
    """Figures take time and have tests of their own: two empty files stand for them."""

    def build(directory):
        for name in ("figure.png", "report.html"):
            (Path(directory) / name).write_bytes(b"")

    monkeypatch.setattr(run_module.pages, "build", build)


@pytest.fixture
def job():
    Path("rod.toml").write_text(JOB)
    return "rod.toml"


@pytest.fixture
def sample():
    Path("walk.toml").write_text(SAMPLE)
    return "walk.toml"


def files(directory):
    return sorted(file.name for file in Path(directory).iterdir())


def fails(capsys, *argv, status=2):
    """The one message of a command that fails as it should."""
    assert main(list(argv)) == status
    out, err = capsys.readouterr()
    assert "Traceback" not in err and err.startswith("jaxneq: ") and err.count("\n") == 1
    assert out == ""
    return err


WHOLE = ["figure.png", "job.toml", "log.txt", "report.html", "result.h5"]


# Running


def test_run_writes_a_result_and_says_what_and_where(job, capsys):
    assert main(["run", job]) == 0
    out, err = capsys.readouterr()
    assert files("results/rod") == WHOLE and err == ""
    lines = out.splitlines()
    assert any("heat flux" in line.lower() or "flux" in line for line in lines)
    assert lines[-3:] == [
        "result  results/rod/result.h5",
        "figure  results/rod/figure.png",
        "report  results/rod/report.html",
    ]
    result = store.read_result("results/rod/result.h5")
    np.testing.assert_allclose(result.quantities["flux"].values, 400 / np.arange(1, 5))
    assert result.quantities["flux"].values.dtype == np.float64
    assert result.job == JOB
    assert "done in" in Path("results/rod/log.txt").read_text()


def test_run_with_the_real_figure_and_page(job, monkeypatch):
    monkeypatch.setattr(run_module.pages, "build", BUILD)
    assert main(["run", job, "--out", "here"]) == 0
    assert files("here") == WHOLE
    assert Path("here/figure.png").read_bytes().startswith(b"\x89PNG")
    Path("here/report.html").unlink()
    assert main(["report", "here"]) == 0
    assert "A rod" in Path("here/report.html").read_text()


def test_the_same_job_again_does_nothing(job, capsys, monkeypatch):
    assert main(["run", job]) == 0
    before = Path("results/rod/result.h5").stat().st_mtime_ns
    Path(job).write_text("# the same\n" + JOB)
    Path("results/rod/report.html").unlink()
    monkeypatch.setattr(run_module.config, "execute", None)
    assert main(["run", job]) == 0
    assert "done already" in capsys.readouterr().out
    assert Path("results/rod/result.h5").stat().st_mtime_ns == before
    assert files("results/rod") == WHOLE


def test_another_job_s_result_is_not_touched_unasked(job, capsys):
    assert main(["run", job]) == 0
    before = Path("results/rod/result.h5").read_bytes()
    capsys.readouterr()
    message = fails(capsys, "run", job, "--set", "system.difference=2.0")
    assert "another job" in message and "--out" in message and "--overwrite" in message
    assert Path("results/rod/result.h5").read_bytes() == before
    assert main(["run", job, "--set", "system.difference=2.0", "--overwrite"]) == 0
    flux = store.read_result("results/rod/result.h5").quantities["flux"].values
    np.testing.assert_allclose(flux, 800 / np.arange(1, 5))


def test_a_foreign_result_is_not_touched(job, capsys):
    Path("here").mkdir()
    Path("here/result.h5").write_bytes(b"mine")
    assert "--overwrite" in fails(capsys, "run", job, "--out", "here")
    assert Path("here/result.h5").read_bytes() == b"mine" and files("here") == ["result.h5"]


def test_overrides_are_kept_with_the_result(job):
    assert main(["run", job, "--set", "system.difference=2.0", "--out", "two"]) == 0
    result = store.read_result("two/result.h5")
    assert result.provenance["overrides"] == ["system.difference = 2.0"]
    assert main(["run", "two/job.toml", "--out", "again"]) == 0
    again = store.read_result("again/result.h5")
    assert again.attributes["identity"] == result.attributes["identity"]
    assert main(["resume", "two"]) == 0


def test_failed_elements_are_told_and_the_rest_is_kept(job, capsys):
    axis = 'sweep."system.length"={values=[1.0, 200.0]}'
    for _ in range(2):  # computed, and found done
        assert main(["run", job, "--set", axis]) == 1
        err = capsys.readouterr().err
        assert "1 of 2 failed: max_iterations" in err and "Raise `max_iterations`" in err
    flux = store.read_result("results/rod/result.h5").quantities["flux"].values
    np.testing.assert_array_equal(flux, [400.0, np.nan])
    assert "1 of 2 failed" in Path("results/rod/log.txt").read_text()


def test_float32(job):
    assert main(["run", job, "--set", 'precision="float32"']) == 0
    result = store.read_result("results/rod/result.h5")
    assert result.quantities["flux"].values.dtype == np.float32


# Bad jobs and bad directories


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["run", "rot.toml"], "rot.toml: there is no such file. Did you mean rod.toml?"),
        (["run", "rod.toml", "--set", "system.length=-1"], "system.length = -1 is not allowed"),
        (["run", "rod.toml", "--set", "system.length=nan"], "system.length = nan is not allowed"),
        (["run", "rod.toml", "--set", "system.lenght=1"], "Did you mean length?"),
        (
            ["run", "rod.toml", "--set", 'gradient={of="x",with_respect_to=["system.length"]}'],
            'gradient.of = "x" is no quantity',  # which shows only when the job is done
        ),
        (["resume", "nowhere"], "no job is kept here"),
        (["report", "nowhere"], "no such file"),
        (["list", "toy.Rodd"], 'Did you mean "toy.Rod"?'),
        (["validate", "tog"], "Did you mean toy?"),
    ],
)
def test_a_bad_job_is_one_message_and_leaves_nothing(argv, expected, job, capsys):
    before = files(".")
    assert expected in fails(capsys, *argv)
    assert [name for name in files(".") if name != "cache"] == before


def test_a_bad_job_does_not_harm_a_directory_in_use(job, capsys):
    Path("here").mkdir()
    Path("here/notes.txt").write_text("mine")
    bad = 'gradient={of="x",with_respect_to=["system.length"]}'
    fails(capsys, "run", job, "--out", "here", "--set", bad)
    assert files("here") == ["notes.txt"]
    assert main(["run", job, "--out", "here"]) == 0


@pytest.mark.parametrize("place", ["file", "file/below", "/proc/here"])
def test_a_directory_that_cannot_be_written(place, job, capsys, monkeypatch):
    Path("file").write_text("mine")
    monkeypatch.setattr(run_module.config, "execute", None)  # told before anything is computed
    assert "--out" in fails(capsys, "run", job, "--out", place) or place == "/proc/here"
    assert Path("file").read_text() == "mine"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_without_permission(job, capsys):
    Path("locked").mkdir(mode=0o500)
    assert "Permission denied" in fails(capsys, "run", job, "--out", "locked/here")


def test_a_full_disk(job, capsys, monkeypatch):
    def full(path, result):
        raise OSError(errno.ENOSPC, "cannot write result.h5: No space left on device", str(path))

    monkeypatch.setattr(run_module.store, "write_result", full)
    message = fails(capsys, "run", job)
    assert "No space left" in message and "Free some space" in message
    assert not Path("results").exists()


@pytest.mark.parametrize("argv", [[], ["rum"], ["run"], ["run", "a", "--bogus"]])
def test_usage_errors(argv, capsys):
    assert main(argv) == 2
    assert "usage: jaxneq" in capsys.readouterr().err


def test_debug_shows_where_it_failed(job):
    with pytest.raises(ValueError, match="length = -1"):
        main(["run", job, "--set", "system.length=-1", "--debug"])
    with pytest.raises(ValueError, match="length = -1"):
        main(["--debug", "run", job, "--set", "system.length=-1"])


def test_a_defect_is_not_dressed_up(job, monkeypatch):
    monkeypatch.setattr(run_module.config, "execute", None)
    with pytest.raises(TypeError):
        main(["run", job])


def test_out_of_memory_is_explained(job, capsys, monkeypatch):
    def exhausted(*_):
        raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory: 1 TiB.\nmore")

    monkeypatch.setattr(run_module.config, "execute", exhausted)
    assert "smaller" in fails(capsys, "run", job, status=1)


# Stopping and going on


def same_numbers(one, other):
    first, second = store.read_result(one), store.read_result(other)
    assert first.quantities.keys() == second.quantities.keys()
    for name, data in first.quantities.items():
        assert data.values.tobytes() == second.quantities[name].values.tobytes(), name


@contextlib.contextmanager
def _stopping(signum):
    """A progress display that sends a signal to this process at its third update."""
    calls = 0

    def update(done, total):
        nonlocal calls
        calls += 1
        if calls == 3:
            signal.raise_signal(signum)

    yield update


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_stopped_and_resumed_is_the_same_as_not_stopped(signum, sample, capsys, monkeypatch):
    assert main(["run", sample, "--out", "whole"]) == 0
    with monkeypatch.context() as patch:
        patch.setattr(run_module, "progress", lambda unit: _stopping(signum))
        assert main(["run", sample]) == 130
    capsys.readouterr()
    assert files("results/walk") == ["checkpoint.h5", "job.toml", "log.txt"]
    assert main(["resume", "results/walk"]) == 0
    assert "continuing from results/walk/checkpoint.h5" in capsys.readouterr().err
    assert files("results/walk") == WHOLE
    same_numbers("whole/result.h5", "results/walk/result.h5")
    log = Path("results/walk/log.txt").read_text()
    assert "stopped" in log and "continued" in log


def test_stopping_says_how_to_go_on(sample, capsys, monkeypatch):
    monkeypatch.setattr(run_module, "progress", lambda unit: _stopping(signal.SIGINT))
    assert main(["run", sample]) == 130
    assert "jaxneq resume results/walk" in capsys.readouterr().err
    # Running the file again goes on too; another job does not.
    message = fails(capsys, "run", sample, "--set", "simulate.seed=8")
    assert "another job, unfinished" in message
    monkeypatch.undo()


def test_a_stopped_sweep_keeps_nothing_but_the_job(job, capsys, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(run_module.config, "execute", interrupted)
        assert main(["run", job]) == 130
    assert "Nothing is kept" in capsys.readouterr().err
    assert main(["resume", "results/rod"]) == 0


def test_a_damaged_checkpoint_is_refused(sample, capsys, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(run_module, "progress", lambda unit: _stopping(signal.SIGINT))
        assert main(["run", sample]) == 130
    capsys.readouterr()
    checkpoint = Path("results/walk/checkpoint.h5")
    checkpoint.write_bytes(checkpoint.read_bytes()[:200])
    assert main(["run", sample]) == 2
    assert "Delete it to start afresh" in capsys.readouterr().err
    assert main(["run", sample, "--overwrite"]) == 0


def command(*argv):
    """The command in a process of its own, with the toy engine."""
    environment = os.environ | {"PYTHONPATH": str(TESTS.parent), "JAX_PLATFORMS": "cpu"}
    return subprocess.Popen(
        [sys.executable, str(TESTS / "toy_engine.py"), *argv],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(condition, process):
    limit = time.monotonic() + 60
    while not condition() and process.poll() is None:
        assert time.monotonic() < limit
        time.sleep(0.005)


def test_killed_at_random_moments_and_resumed(sample):
    # Long enough to be killed, and saved after every chunk, so that kills hit the writing too.
    Path(sample).write_text(SAMPLE.replace("3000", "40000"))
    assert main(["run", sample, "--out", "whole"]) == 0
    directory, kept = Path("killed"), Path("killed/checkpoint.h5")
    kills = 0
    for _ in range(2):
        before = kept.stat().st_mtime_ns if kept.exists() else 0
        process = command("run", sample, "--out", str(directory), "--checkpoint-every", "0")
        wait_for(lambda before=before: kept.exists() and kept.stat().st_mtime_ns > before, process)
        time.sleep(random.uniform(0, 0.2))
        process.kill()
        process.communicate()
        kills += process.returncode == -signal.SIGKILL
        if (directory / "result.h5").exists():  # then it is whole, though its figure may miss
            same_numbers("whole/result.h5", directory / "result.h5")
            break
    assert kills > 0
    unfinished = not (directory / "result.h5").exists()
    process = command("resume", str(directory))
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert ("continuing from" in err) == unfinished
    same_numbers("whole/result.h5", directory / "result.h5")


def test_ctrl_c_in_a_process_of_its_own(sample):
    Path(sample).write_text(SAMPLE.replace("3000", "100000000"))
    process = command("run", sample, "--checkpoint-every", "0")
    wait_for(Path("results/walk/checkpoint.h5").exists, process)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err and "jaxneq resume results/walk" in err


# Looking


def test_list(capsys):
    assert main(["list"]) == 0
    out = capsys.readouterr().out
    for name in ("toy.Rod", "toy.Direct", "toy.Walk", "toy.Layered", "Si"):
        assert f"  {name} " in out
    assert main(["list", "toy"]) == 0
    listed = capsys.readouterr().out
    assert "toy.Rod" in listed and "phonon" not in listed
    assert main(["list", "toy.Rod"]) == 0
    out = capsys.readouterr().out
    assert "Heat through a rod" in out and "a number in (0, inf)" in out and "Length" in out
    assert main(["list", "Si"]) == 0
    assert "silicon" in capsys.readouterr().out


def test_schema(capsys):
    assert main(["schema"]) == 0
    assert "toy.Rod" in json.loads(capsys.readouterr().out)["$defs"]


def test_validate(capsys, monkeypatch):
    assert main(["validate"]) == 1  # one case of the toy is wrong on purpose
    out, err = capsys.readouterr()
    assert "copper: flux" in out and "passed" in out and "FAILED" in out
    assert "1 of 2 cases failed" in err
    assert main(["validate", "toy", "--json"]) == 1
    good, bad = json.loads(capsys.readouterr().out)
    assert (good["computed"], good["exact"], good["passed"]) == (200.0, 200.0, True)
    assert (bad["error"], bad["passed"]) == (0.5, False)

    monkeypatch.setattr(toy_engine.Direct, "validation", classmethod(lambda cls: ()))
    assert main(["validate"]) == 0


def test_validate_goes_on_after_a_case_that_breaks(capsys, monkeypatch):
    def broken(self, system):
        raise RuntimeError("no\nway")

    monkeypatch.setattr(toy_engine.Direct, "steady", broken)
    assert main(["validate", "--json"]) == 1
    first, second = json.loads(capsys.readouterr().out)
    assert first["problem"] == "RuntimeError: no" and first["computed"] is None
    assert second["computed"] == 1.0


def test_doctor(capsys, monkeypatch):
    assert main(["doctor"]) == 0
    out = capsys.readouterr().out
    for word in ("jaxlib", "devices", "float64", "compile cache", "HDF5"):
        assert word in out
    monkeypatch.setattr(jax, "__version__", "0.11.0")
    assert main(["doctor"]) == 1
    assert "wrong numbers on some GPUs" in capsys.readouterr().err


def test_doctor_sees_a_gpu_that_is_not_used(capsys, monkeypatch, tmp_path):
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 'GPU 0: Something'\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    if any(device.platform != "cpu" for device in doctor_module.jax.devices()):
        pytest.skip("the GPU is used")
    assert main(["doctor"]) == 0
    assert "GPU 0: Something" in capsys.readouterr().err


def test_a_cache_that_cannot_be_kept_does_not_matter(job, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert _compile_cache.turn_on() is None
    assert main(["run", job]) == 0


def test_the_cache_follows_the_xdg_rule(monkeypatch, tmp_path):
    assert _compile_cache.cache_directory() == tmp_path / "cache/jaxneq/jax"
    for ignored in ("", "relative"):
        monkeypatch.setenv("XDG_CACHE_HOME", ignored)
        monkeypatch.setenv("HOME", str(tmp_path / "home"))
        assert _compile_cache.cache_directory() == tmp_path / "home/.cache/jaxneq/jax"


def test_progress_elsewhere_than_on_a_terminal(capsys, monkeypatch):
    from jaxneq.cli import _progress

    now = 0.0
    monkeypatch.setattr(_progress.clock, "monotonic", lambda: now)
    with _progress.progress("steps") as update:
        for now in (1.0, 9.0, 11.0, 12.0, 22.0):
            update(int(now), 40)
    assert capsys.readouterr().err == ("11 of 40 steps (28 %, 11 s)\n22 of 40 steps (55 %, 22 s)\n")
