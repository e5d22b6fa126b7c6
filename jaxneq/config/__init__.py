"""Job files: TOML in, checked against the declarations of systems and methods; results out."""

from ._catalog import Row as Row
from ._catalog import describe as describe
from ._catalog import engines as engines
from ._catalog import find as find
from ._catalog import laws as laws
from ._catalog import methods as methods
from ._catalog import observables as observables
from ._catalog import parts as parts
from ._catalog import systems as systems
from ._document import identity as identity
from ._execute import execute as execute
from ._execute import failures as failures
from ._execute import look as look
from ._job import Job as Job
from ._job import load as load
from ._message import JobError as JobError
from ._message import nearest as nearest
from ._schema import json_schema as json_schema
