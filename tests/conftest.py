"""Every test runs in float64, strict about dtypes and ranks, with shapes checked at run time."""

import gc
import importlib
import os
import pkgutil
from pathlib import Path

import jax
import pytest
from jaxtyping import install_import_hook

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")
gc.set_threshold(50_000, 20, 50)  # as the command does: tracing makes many small objects
# Most of the time goes into compiling: XLA is asked to do less of it (but see the marker
# `optimised`), and what took long is kept for the next run.
LESS = "--xla_cpu_use_fusion_emitters=false --xla_cpu_parallel_codegen_split_count=1"
os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {LESS}"
jax.config.update("jax_compilation_cache_dir", str(Path(__file__).parents[1] / ".pytest_cache/jax"))
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)

with install_import_hook("jaxneq", "beartype.beartype"):
    import jaxneq

    for info in pkgutil.walk_packages(jaxneq.__path__, "jaxneq."):
        if not info.name.endswith("__main__"):
            importlib.import_module(info.name)


@pytest.fixture(scope="module", autouse=True)
def _compilation(request):
    """In haste unless marked; programs are dropped after each module.

    Each keeps some maps of memory, of which a process may have 65,530: then it crashes.
    """
    optimised = request.node.get_closest_marker("optimised") is not None
    jax.config.update("jax_disable_most_optimizations", not optimised)
    yield
    jax.clear_caches()


@pytest.fixture
def alone(monkeypatch, tmp_path):
    """An empty directory, a cache of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    before = jax.config.values["jax_compilation_cache_dir"]
    yield
    jax.config.update("jax_compilation_cache_dir", before)
