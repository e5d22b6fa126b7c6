"""The recipe in CONTRIBUTING.md works as printed."""

import importlib.util
import re
import sys
from pathlib import Path

import pytest

from jaxneq import config, langevin
from jaxneq._core import judge
from jaxneq.cli import main

RECIPE = Path(__file__).parents[1] / "CONTRIBUTING.md"


@pytest.fixture
def recipe(monkeypatch, tmp_path):
    """Writes the two files of the recipe and adds its two lines to the engine's namespace."""
    text = RECIPE.read_text()
    code = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    names = re.findall(r"`jaxneq/langevin/(_\w+)\.py`", text)
    assert len(code) == 3 and len(names) >= 2
    for name, source in zip(names[:2], code[:2], strict=True):
        path = tmp_path / f"{name}.py"
        path.write_text(source)
        dotted = f"jaxneq.langevin.{name}"
        spec = importlib.util.spec_from_file_location(dotted, path)
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, dotted, module)
        spec.loader.exec_module(module)
    for line in code[2].strip().splitlines():
        module, public = re.match(r"from \.(\w+) import (\w+) as \2$", line).groups()
        monkeypatch.setattr(
            langevin,
            public,
            getattr(sys.modules[f"jaxneq.langevin.{module}"], public),
            raising=False,
        )
    return re.search(r"```toml\n(.*?)```", text, re.DOTALL).group(1)


def test_recipe_is_listed_validated_and_runs(recipe, tmp_path, capsys):
    assert "langevin.FreeParticle" in config.systems()
    assert "langevin.MeanDrift" in config.methods()
    for name in ("langevin.FreeParticle", "langevin.MeanDrift"):
        assert all(judge(case).passed for case in config.find(name).validation())
    (tmp_path / "job.toml").write_text(recipe)
    assert main(["run", str(tmp_path / "job.toml"), "--out", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out" / "result.h5").exists()
    assert main(["list", "langevin.FreeParticle"]) == 0
    assert "Constant force F" in capsys.readouterr().out
