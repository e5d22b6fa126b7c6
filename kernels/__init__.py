"""Hot loops: each folder holds a plain reference and the fast form."""

from . import elementary as elementary
from . import exclusion as exclusion
from . import hopping as hopping
from . import jump as jump
from . import langevin as langevin
from . import noise as noise
from . import sweep as sweep
from ._registry import Operation as Operation

OPERATIONS = (
    *elementary.OPERATIONS,
    *jump.OPERATIONS,
    *hopping.OPERATIONS,
    *exclusion.OPERATIONS,
    *langevin.OPERATIONS,
    *noise.OPERATIONS,
    *sweep.OPERATIONS,
)
