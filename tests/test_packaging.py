"""What is shipped: the sdist, the wheel built from it and the editable install hold one package."""

import importlib.util
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import jaxneq

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def archives(tmp_path_factory) -> dict[str, set[str]]:
    """The names of the files in the sdist, and in the wheel built from that sdist."""
    source, out = (tmp_path_factory.mktemp(name) for name in ("source", "dist"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for name in ("jaxneq", "kernels"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, source / name, symlinks=True, ignore=ignored)
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", out, source]
    finished = subprocess.run(command, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stdout + finished.stderr

    (sdist,) = out.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        in_sdist = {member.name.partition("/")[2] for member in archive if member.isfile()}
    (wheel,) = out.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        in_wheel = set(archive.namelist())
    return {"sdist": in_sdist, "wheel": in_wheel}


def package_files() -> set[str]:
    """Every file of the package in the working tree, the kernels under their import name."""
    trees = {"jaxneq": ROOT / "jaxneq", "jaxneq/_kernels": ROOT / "kernels"}
    return {
        f"{name}/{path.relative_to(tree).as_posix()}"
        for name, tree in trees.items()
        for path in tree.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sdist", "wheel"])
def test_archives_hold_the_whole_package_and_nothing_beside_it(archives, kind):
    shipped = archives[kind]
    assert {name for name in shipped if name.startswith("jaxneq/")} == package_files()
    assert "jaxneq/_kernels/__init__.py" in shipped
    assert "jaxneq/py.typed" in shipped
    assert any(re.fullmatch(r"jaxneq/materials/data/[^/]+\.toml", name) for name in shipped)
    assert not any(name.startswith("kernels/") for name in shipped)
    assert any(name.endswith("LICENSE") for name in shipped)


def test_kernels_are_importable_under_the_package():
    spec = importlib.util.find_spec("jaxneq._kernels")
    assert spec is not None
    assert spec.origin is not None
    assert Path(spec.origin).resolve() == ROOT / "kernels" / "__init__.py"


def test_citation_names_the_version():
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert re.findall(r"^version: (.+)$", citation, flags=re.MULTILINE) == [jaxneq.__version__]
