"""Files: whole or not at all, byte-exact, readable by h5py and xarray, with units throughout."""

import contextlib
import dataclasses
import errno
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import warnings

import equinox as eqx
import h5py
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray
from fakes import fake_film, fake_result, temperature_axis, thickness_axis

from jaxneq._core import Estimate
from jaxneq.store import (
    Checkpointer,
    Dataset,
    Result,
    datasets_of,
    provenance,
    read_result,
    write_bytes,
    write_result,
)

SWEEPS = [(), ("thickness",), ("thickness", "temperature")]


def same(a: Dataset, b: Dataset) -> bool:
    return (
        a.values.dtype == b.values.dtype
        and a.values.shape == b.values.shape
        and a.values.tobytes() == b.values.tobytes()
        and (a.unit, a.doc) == (b.unit, b.doc)
    )


def result_of(quantities, axes=None) -> Result:
    return Result("t", "", {}, {"primary": next(iter(quantities))}, axes or {}, quantities)


# ---- round trip ----------------------------------------------------------------------------------


@pytest.mark.parametrize("names", SWEEPS)
def test_round_trip_is_byte_exact(tmp_path, names):
    result = fake_result(*names)
    write_result(tmp_path / "result.h5", result)
    back = read_result(tmp_path / "result.h5")
    assert (back.title, back.job, back.attributes) == (
        result.title,
        result.job,
        result.attributes,
    )
    assert back.provenance == {k: v for k, v in result.provenance.items() if v is not None}
    assert list(back.quantities) == list(result.quantities)
    assert all(same(back.quantities[n], q) for n, q in result.quantities.items())
    assert [a.values.tobytes() for a in back.axes.values()] == [
        a.values.tobytes() for a in result.axes.values()
    ]


@pytest.mark.parametrize(
    "dtype", ["float32", "float64", "int8", "int32", "uint64", "bool", "complex64", "complex128"]
)
def test_dtypes_survive(tmp_path, dtype):
    values = (np.random.default_rng(0).normal(size=(3, 4)) * 3).astype(dtype)
    if values.dtype.kind == "f":
        values[0, :3] = np.nan, np.inf, -0.0
    write_result(tmp_path / "r.h5", result_of({"x": Dataset(values, ("a", "b"), "m", "")}))
    assert same(read_result(tmp_path / "r.h5").quantities["x"], Dataset(values, ("a", "b"), "m"))


def test_text_survives(tmp_path):
    hints = {
        "regimes": {"ballistic": "(10, inf)"},
        "interval": "[0, 1]",
        "quoted": '"yes"',
        "braced": "{x}",
        "number": 2.5,
        "count": 3,
        "names": ["a", "b"],
    }
    job = "# µ → ü\n" + "x = 1\n" * 30_000  # longer than a compact attribute may be
    result = Result("µ", job, {"a": 1}, {}, {}, {"x": Dataset(np.array(1.0), (), "m", "ü", hints)})
    write_result(tmp_path / "r.h5", result)
    back = read_result(tmp_path / "r.h5")
    assert back.job == job
    assert back.title == "µ"
    assert back.quantities["x"].hints == hints
    with h5py.File(tmp_path / "r.h5") as file:
        attributes = file["solution/x"].attrs
        assert all(isinstance(attributes[n], str | int | float | np.generic) for n in attributes)


# ---- what h5py and xarray see --------------------------------------------------------------------


@pytest.mark.parametrize("names", SWEEPS)
def test_xarray_reads_it(tmp_path, names):
    write_result(tmp_path / "r.h5", fake_result(*names))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data = xarray.load_dataset(tmp_path / "r.h5", engine="h5netcdf", group="solution")
        stats = xarray.load_dataset(tmp_path / "r.h5", engine="h5netcdf", group="stats")
    # The axis gives way to the quantity that is called `temperature` too.
    axes = tuple({"temperature": "system_temperature"}.get(n, n) for n in names)
    assert data["temperature"].dims == (*axes, "node")
    assert data["conductivity"].dims == stats["iterations"].dims == axes
    assert not [d for d in (*data.sizes, *stats.sizes) if "phony" in str(d)]
    assert data["node"].dtype == np.int32
    assert data["conductivity"].attrs["units"] == "W/m/K"
    assert data["status"].attrs["flag_meanings"].split()[:2] == ["success", "max_iterations"]
    for name in axes:
        assert data[name].dims == stats[name].dims == (name,)
    if "thickness" in axes:
        assert data["thickness"].attrs["units"] == "m"
        at = data["conductivity"].sel(thickness=1e-6, method="nearest")
        assert np.all(at > data["conductivity"].isel(thickness=0))


def test_every_dataset_has_unit_and_meaning(tmp_path):
    write_result(tmp_path / "r.h5", fake_result("thickness"))
    seen = []

    def visit(name, item):
        if isinstance(item, h5py.Dataset):
            seen.append(name)
            assert item.attrs["units"], name
            assert item.attrs["long_name"], name
            assert item.is_scale or all(len(d) == 1 for d in item.dims), name

    with h5py.File(tmp_path / "r.h5") as file:
        file.visititems(visit)
        assert file["job"].attrs["toml"].startswith("title")
        assert file["provenance"].attrs["precision"] == "float64"
        assert file["solution"].attrs["primary"] == "conductivity"
    assert {"solution/conductivity", "solution/thickness", "stats/iterations"} <= set(seen)


def test_names_that_collide(tmp_path):
    axes = {
        "system.bath.rate": Dataset(np.array([1.0, 2.0]), ("system.bath.rate",), "1/s"),
        "method.rate": Dataset(np.array([1.0, 2.0, 3.0]), ("method.rate",), "1"),
    }
    quantities = {
        "x": Dataset(np.ones((2, 3, 4)), (*axes, "site"), "m"),
        "site": Dataset(np.ones((2, 3, 4)), (*axes, "site"), "m"),
        "time": Dataset(np.arange(4.0), ("time",), "s"),
        "y": Dataset(np.arange(4.0), ("time",), "m"),
    }
    write_result(tmp_path / "r.h5", result_of(quantities, axes))
    back = read_result(tmp_path / "r.h5")
    assert list(back.axes) == ["rate", "method_rate"]
    assert back.quantities["x"].dims == ("rate", "method_rate", "site_index")
    assert back.quantities["site"].dims == ("rate", "method_rate", "site_index")
    data = xarray.load_dataset(tmp_path / "r.h5", engine="h5netcdf", group="solution")
    assert "time" in data["y"].coords
    assert set(data.sizes) == {"rate", "method_rate", "site_index", "time"}


def test_an_axis_named_like_a_statistic(tmp_path):
    axes = {"method.iterations": Dataset(np.arange(2), ("method.iterations",))}
    quantities = {
        "x": Dataset(np.ones(2), tuple(axes), "m"),
        "stats/iterations": Dataset(np.array([3, 4]), tuple(axes)),
    }
    write_result(tmp_path / "r.h5", result_of(quantities, axes))
    back = read_result(tmp_path / "r.h5")
    assert back.quantities["stats/iterations"].values.tolist() == [3, 4]
    assert back.axes["method_iterations"].hints == {"parameter": "method.iterations"}


def test_sizes_that_contradict(tmp_path):
    quantities = {"x": Dataset(np.ones(3), ("site",)), "y": Dataset(np.ones(4), ("site",))}
    with pytest.raises(ValueError, match=r"'site' of 'y' has 4 entries, and 3 elsewhere"):
        write_result(tmp_path / "r.h5", result_of(quantities))
    assert list(tmp_path.iterdir()) == []


def test_groups_that_do_not_exist(tmp_path):
    with pytest.raises(ValueError, match="'other/x' names no group"):
        write_result(tmp_path / "r.h5", result_of({"other/x": Dataset(np.array(1.0))}))


def test_dataset_wants_a_name_for_each_dimension():
    with pytest.raises(ValueError, match=r"shape \(2, 3\) cannot have the dimensions \('a',\)"):
        Dataset(np.ones((2, 3)), ("a",))


# ---- solutions -----------------------------------------------------------------------------------


def test_datasets_of_a_sweep():
    axes = {"system.thickness": thickness_axis(5), "system.temperature": temperature_axis(3)}
    thickness, temperature = np.meshgrid(*(a.values for a in axes.values()), indexing="ij")
    solution = fake_film(thickness, temperature, nodes=7)
    found = datasets_of(solution, axes)
    assert found["temperature"].dims == (*axes, "node")
    assert found["temperature"].values.shape == (5, 3, 7)
    assert found["bulk_conductivity"].hints == {"reference_for": "conductivity"}
    assert found["sampled_flux"].values.dtype == np.float32
    assert found["sampled_flux_stderr"].unit == "W/m2"
    assert found["sampled_flux_n_effective"].unit == "1"
    assert np.all(found["sampled_flux_n_effective"].values == 512)
    assert found["status"].hints["flag_meanings"].startswith("success max_iterations")
    assert found["stats/iterations"].dims == tuple(axes)
    assert "stats/method" not in found
    assert "absent" not in found
    assert found["time"].dims == ("time",)  # a coordinate that is the same all over the sweep
    assert found["time"].values.tolist() == [0.0, 1.0, 2.0]


def test_what_is_not_swept_keeps_its_own_dimensions():
    axes = {"thickness": thickness_axis(5)}
    solution = fake_film(axes["thickness"].values)
    solution = dataclasses.replace(solution, bulk_conductivity=142.0, position=np.arange(40.0))
    found = datasets_of(solution, axes)
    assert found["bulk_conductivity"].dims == ()
    assert found["position"].dims == ("node",)


def test_shape_against_declaration():
    solution = dataclasses.replace(fake_film(1e-7), conductivity=np.ones((4, 5)))
    with pytest.raises(ValueError, match=r"conductivity has shape \(4, 5\).*dimensions \(\)"):
        datasets_of(solution, {})
    flat = fake_film(np.geomspace(1e-8, 1e-6, 6))
    axes = {"a": Dataset(np.arange(2.0), ("a",)), "b": Dataset(np.arange(3.0), ("b",))}
    with pytest.raises(ValueError, match=r"has shape \(6,\).*'a': 2, 'b': 3"):
        datasets_of(flat, axes)


def test_one_n_effective_for_a_whole_profile():
    estimate = Estimate(jnp.ones((5, 40)), jnp.ones((5, 40)), jnp.arange(5.0))
    axes = {"thickness": thickness_axis(5)}
    solution = dataclasses.replace(fake_film(axes["thickness"].values), temperature=estimate)
    found = datasets_of(solution, axes)["temperature_n_effective"]
    assert found.dims == ("thickness", "node")
    assert np.all(found.values[3] == 3)


# ---- provenance ----------------------------------------------------------------------------------


def test_provenance_names_versions_and_no_host():
    found = provenance(precision="float32", seed=7, wall_time=2.0)
    assert found["jax"] == jax.__version__
    assert (found["precision"], found["seed"], found["wall_time"]) == ("float32", 7, 2.0)
    assert found["devices"].startswith(f"{len(jax.devices())} x ")
    assert found["date"].endswith("+00:00")
    text = str(found)
    assert os.uname().nodename not in text
    assert str(pathlib.Path.home()) not in text


# ---- failures ------------------------------------------------------------------------------------

KILLED = """
import os, pathlib, random, signal, sys, time
import numpy as np
from jaxneq.store import Dataset, Result, read_result, write_result

path = pathlib.Path(sys.argv[1])
part = path.with_name(path.name + ".part")


def write(number):
    data = Dataset(np.full((1000, 2000), float(number)), ("a", "b"), "m", str(number))
    write_result(path, Result(str(number), "", {}, {}, {}, {"x": data}))


write(0)
interrupted = trial = 0
while interrupted < 4 and trial < 60:
    trial += 1
    child = os.fork()
    if child == 0:
        for number in range(trial * 1000, trial * 1000 + 1000):
            write(number)
        os._exit(0)
    time.sleep(random.uniform(0.01, 0.1))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    interrupted += part.exists()
    found = read_result(path)
    assert np.all(found.quantities["x"].values == float(found.title)), found.title
print(interrupted)
"""


def test_a_kill_leaves_a_whole_result(tmp_path):
    command = [sys.executable, "-W", "ignore", "-c", KILLED, str(tmp_path / "result.h5")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 0, "no kill fell into a write: the test shows nothing"


@contextlib.contextmanager
def small_disk(size: str):
    """A file system of its own, to be filled up."""
    directory = pathlib.Path(tempfile.mkdtemp())
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(directory)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True).returncode:
        directory.rmdir()
        pytest.skip("needs the right to mount a small tmpfs")
    try:
        yield directory
    finally:
        subprocess.run(["umount", str(directory)], check=True)
        directory.rmdir()


def test_full_disk():
    with small_disk("1m") as directory:
        path = directory / "result.h5"
        write_result(path, result_of({"x": Dataset(np.arange(100.0), ("a",))}))
        before = path.read_bytes()
        with pytest.raises(OSError, match=r"cannot write result.h5: No space left") as caught:
            write_result(path, result_of({"x": Dataset(np.ones(1_000_000), ("a",))}))
        assert caught.value.errno == errno.ENOSPC
        assert [p.name for p in directory.iterdir()] == ["result.h5"]
        assert path.read_bytes() == before

        keeper = Checkpointer(directory / "state.h5", "job")
        with pytest.raises(OSError, match="No space left"):
            keeper.save({"x": np.ones(1_000_000)}, 1)
        assert [p.name for p in directory.iterdir()] == ["result.h5"]


def test_failure_while_the_disk_is_written(tmp_path, monkeypatch):
    def failing(descriptor):
        raise OSError(errno.EIO, "Input/output error")

    write_bytes(tmp_path / "x", b"old")
    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises(OSError, match="cannot write x: Input/output error") as caught:
        write_bytes(tmp_path / "x", b"new")
    assert caught.value.errno == errno.EIO
    assert [p.name for p in tmp_path.iterdir()] == ["x"]
    assert (tmp_path / "x").read_bytes() == b"old"


def test_unwritable_directory():
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o555)
        user = os.geteuid()
        try:
            if user == 0:
                os.seteuid(65534)  # root may write everywhere
            with pytest.raises(PermissionError, match=r"cannot write r\.h5: Permission denied"):
                write_result(
                    pathlib.Path(directory) / "r.h5", result_of({"x": Dataset(np.array(1.0))})
                )
        finally:
            os.seteuid(user)
            os.chmod(directory, 0o755)


def test_missing_directory(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"cannot write r\.h5: No such file or directory"):
        write_result(tmp_path / "none" / "r.h5", result_of({"x": Dataset(np.array(1.0))}))


def test_files_that_are_not_results(tmp_path):
    path = tmp_path / "r.h5"
    with pytest.raises(ValueError, match=r"r\.h5: there is no such file"):
        read_result(path)
    write_result(path, fake_result("thickness"))
    whole = path.read_bytes()
    for length in (0, 7, 1000, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"r\.h5: this is not a whole jaxneq result"):
            read_result(path)
    path.write_text("not HDF5 at all\n" * 100)
    with pytest.raises(ValueError, match="not a whole jaxneq result"):
        read_result(path)
    with h5py.File(path, "w") as file:
        file["x"] = 1.0
    with pytest.raises(ValueError, match="not a jaxneq result"):
        read_result(path)
    path.write_bytes(whole)
    with h5py.File(path, "a") as file:
        file.attrs["format_version"] = 99
    with pytest.raises(ValueError, match="format version 99"):
        read_result(path)


# ---- checkpoints ---------------------------------------------------------------------------------


class State(eqx.Module):
    key: jax.Array
    x: jax.Array
    moments: dict[str, jax.Array]
    count: int
    name: str


def a_state(shift: float = 0.0) -> State:
    return State(
        key=jax.random.key(3, impl="rbg"),
        x=jnp.linspace(0, 1, 7, dtype=jnp.float32) + jnp.float32(shift),
        moments={"a/b": jnp.arange(3), "flags": jnp.array([True, False])},
        count=int(5 + shift),
        name="fixed",
    )


def test_checkpoint_round_trip(tmp_path):
    keeper = Checkpointer(tmp_path / "state.h5", "job")
    assert keeper.load(a_state()) is None
    keeper.save(a_state(2.0), 41)
    state, step = keeper.load(a_state())
    assert step == 41
    assert (state.count, state.name) == (7, "fixed")
    assert state.key.dtype == a_state().key.dtype
    expected = jax.random.normal(a_state().key, (4,))
    assert np.array_equal(jax.random.normal(state.key, (4,)), expected)
    for found, wanted in zip(
        jax.tree.leaves(state)[1:], jax.tree.leaves(a_state(2.0))[1:], strict=True
    ):
        if isinstance(wanted, jax.Array):
            assert (found.dtype, found.shape) == (wanted.dtype, wanted.shape)
            assert np.asarray(found).tobytes() == np.asarray(wanted).tobytes()
            assert found.sharding == wanted.sharding
    keeper.remove()
    assert list(tmp_path.iterdir()) == []


def test_checkpoint_of_one_bare_array(tmp_path):
    keeper = Checkpointer(tmp_path / "state.h5", "job")
    keeper.save(jnp.arange(4), 1)
    assert np.array_equal(keeper.load(jnp.zeros(4, int))[0], np.arange(4))


def test_checkpoints_that_do_not_fit(tmp_path):
    path = tmp_path / "state.h5"
    Checkpointer(path, "job").save(a_state(), 1)
    with pytest.raises(ValueError, match=r"state\.h5: .*another job.*Delete it to start afresh"):
        Checkpointer(path, "other").load(a_state())
    keeper = Checkpointer(path, "job")
    double = eqx.tree_at(lambda s: s.x, a_state(), np.zeros(7))
    with pytest.raises(ValueError, match=r"x is kept as float32\[7\].*float64\[7\].*afresh"):
        keeper.load(double)
    with pytest.raises(ValueError, match=r"differs in .*moments.*Delete it"):
        keeper.load({"key": a_state().key})
    other_key = eqx.tree_at(lambda s: s.key, a_state(), jax.random.key(0))
    with pytest.raises(ValueError, match=r"key is kept as"):
        keeper.load(other_key)

    whole = path.read_bytes()
    for content in (b"", whole[:100], whole[: len(whole) // 2], whole[:-1], b"foreign" * 1000):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="not a whole jaxneq checkpoint") as caught:
            keeper.load(a_state())
        assert str(path) in str(caught.value)
        assert "Delete it to start afresh" in str(caught.value)
    write_result(path, result_of({"x": Dataset(np.array(1.0))}))
    with pytest.raises(ValueError, match=r"not a jaxneq checkpoint.*Delete it to start afresh"):
        keeper.load(a_state())
