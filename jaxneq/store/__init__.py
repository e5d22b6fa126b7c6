"""The sole writer of files: results in HDF5, checkpoints, provenance; all of them atomic."""

from ._atomic import write_bytes as write_bytes
from ._checkpoint import Checkpointer as Checkpointer
from ._coordinates import coordinate_of as coordinate_of
from ._provenance import provenance as provenance
from ._result import Comparison as Comparison
from ._result import Dataset as Dataset
from ._result import Result as Result
from ._result import read_result as read_result
from ._result import write_result as write_result
from ._solution import datasets_of as datasets_of
from ._solution import status_dataset as status_dataset
