"""The plan of the house: which room may import which, and classes that are abstract or final."""

import ast
import importlib
import inspect
import pkgutil
import subprocess
import sys
from pathlib import Path

import equinox as eqx
import pytest

import jaxneq

ROOT = Path(jaxneq.__file__).parent

# Imports only point up this list. Rooms on one line never import each other.
FLOORS = [
    {"_version"},
    {"_core"},
    {"store"},
    {"parallel"},
    {"_kernels"},
    {"statistics"},
    {"thermodynamics"},
    {"materials"},
    {"langevin", "phonon", "exclusion", "jump", "quantum", "continuum"},
    {"coupling"},
    {"design"},
    {"config"},
    {"campaign"},
    {"report"},
    {"cli"},
    {"__main__"},
]
FLOOR = {room: level for level, rooms in enumerate(FLOORS) for room in rooms}


def modules() -> list[tuple[str, Path]]:
    """Dotted name and file of every module, the kernels through their place in the package."""
    paths = [
        *ROOT.rglob("*.py"),
        *(path for path in (ROOT / "_kernels").rglob("*.py")),
    ]
    unique = {path.relative_to(ROOT): path for path in paths}
    return [("jaxneq." + ".".join(rel.with_suffix("").parts), path) for rel, path in unique.items()]


def imported(name: str, path: Path) -> set[str]:
    """The jaxneq modules that a file imports, relative imports resolved."""
    package = name.split(".")[:-1]
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            found |= {f"{module}.{alias.name}" for alias in node.names}
    return {target for target in found if target.split(".")[0] == "jaxneq"}


def room(dotted: str) -> str:
    parts = dotted.split(".")
    return parts[1] if len(parts) > 1 else "jaxneq"


def test_imports_only_point_up_the_table():
    wrong = []
    for name, path in modules():
        here = room(name)
        if here == "__init__":
            continue
        for target in imported(name, path):
            there = room(target)
            if there == here or there == "__version__":
                continue
            if there not in FLOOR or FLOOR[there] >= FLOOR[here]:
                wrong.append(f"{name} imports {target}")
    assert not wrong


def test_importing_starts_no_device():
    """An array made on import would fix devices and precision before a program can choose them."""
    rooms = [f"jaxneq.{info.name}" for info in pkgutil.iter_modules(jaxneq.__path__)]
    code = f"""
import importlib, jax
for room in {rooms}:
    if not room.endswith("__main__"):
        importlib.import_module(room)
jax.config.update("jax_num_cpu_devices", 3)
assert jax.local_device_count("cpu") == 3
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_room_is_in_the_table():
    rooms = {path.name for path in ROOT.iterdir() if (path / "__init__.py").exists()}
    files = {path.stem for path in ROOT.glob("*.py")} - {"__init__"}
    assert rooms | files <= set(FLOOR)


def public_modules():
    for info in pkgutil.walk_packages(jaxneq.__path__, "jaxneq."):
        if info.name.split(".")[-1] != "__main__":
            yield importlib.import_module(info.name)


def test_a_class_is_abstract_or_final():
    """Equinox's pattern: inherit only from abstract classes, and name those Abstract..."""
    wrong = []
    for module in public_modules():
        for _, cls in inspect.getmembers(module, inspect.isclass):
            if cls.__module__ != module.__name__ or not issubclass(cls, eqx.Module):
                continue
            concrete = [
                base.__name__
                for base in cls.__mro__[1:]
                if base.__module__.startswith("jaxneq") and not base.__name__.startswith("Abstract")
            ]
            if concrete:
                wrong.append(f"{cls.__name__} inherits from the final {concrete}")
    assert not wrong


def test_static_fields_are_plain():
    """Arrays in static fields would recompile for every number."""
    from jaxneq._core import parameters_of
    from jaxneq.config import find, methods, systems

    for name in [*systems(), *methods()]:
        for declared in parameters_of(find(name)):
            if declared.kind in ("integer", "choice"):
                assert isinstance(declared.default, int | str) or declared.required


@pytest.mark.parametrize(
    "source",
    [path for name, path in modules() if room(name) != "cli"],  # the command may: it is the program
    ids=lambda path: path.stem,
)
def test_no_module_flips_global_settings(source):
    assert "jax.config.update" not in source.read_text()
