"""OpenBTE's own solution of its square pore; run by `phonon_pore.py` with OpenBTE's interpreter.

    PYTHON benchmarks/openbte_pore.py PERIOD_NM CELL_NM

48 directions and 50 free paths of its silicon, its direct solver and its default tolerance, on
all cores. Prints one line of JSON. The mesh is made before the clock starts.
"""

import json
import sys
import time

period, cell = (float(each) for each in sys.argv[1:])
sys.argv = sys.argv[:1]  # OpenBTE reads the command line of its host

from openbte import (  # noqa: E402
    BTE_RTA,
    Fourier,
    Geometry,
    RTA2DSym,
    get_mesh,
    load_rta,
    rectangle,
)
from openbte.objects import BoundaryConditions, EffectiveThermalConductivity  # noqa: E402

if __name__ == "__main__":
    geometry = Geometry(cell)
    geometry.add_shape(rectangle(area=period**2))
    geometry.add_hole(rectangle(area=0.2 * period**2))
    geometry.set_boundary_region(selector="inner", region="Boundary")
    geometry.set_periodicity(direction="x", region="Periodic_x")
    geometry.set_periodicity(direction="y", region="Periodic_y")
    geometry.save()
    mesh = get_mesh()
    silicon = RTA2DSym(load_rta("Si_rta"))
    conditions = BoundaryConditions(diffuse="Boundary", periodic={"Periodic_x": 1, "Periodic_y": 0})
    wanted = EffectiveThermalConductivity(normalization=-1, contact="Periodic_x")
    began = time.perf_counter()
    fourier = Fourier(mesh, silicon.thermal_conductivity, conditions)
    found = BTE_RTA(
        mesh, silicon, conditions, fourier=fourier, effective_thermal_conductivity=wanted
    )
    took = time.perf_counter() - began
    row = {"cells": mesh.n_elems, "seconds": took, "conductivity": float(found.kappa_eff)}
    print(json.dumps(row))
