"""The command: `jaxneq run`, `resume`, `report`, `list`, `schema`, `validate` and `doctor`."""

from ._main import main as main
