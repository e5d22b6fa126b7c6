"""Random sequential TASEP with numba: python exclusion_numba.py SITES TIME REPLICAS SEED.

Prints seconds, and particles let in per time and replica. A peer of benchmarks/exclusion.py.
"""

import sys
import time

import numba
import numpy as np


@numba.njit(fastmath=True)
def sequential(sites, duration, replicas, seed):
    np.random.seed(seed)
    entered = 0
    for _ in range(replicas):
        site = np.zeros(sites, np.bool_)
        for _ in range(int(duration * (sites + 1))):
            gate = np.random.randint(0, sites + 1)
            if gate == 0:
                if not site[0]:
                    site[0] = True
                    entered += 1
            elif gate == sites:
                site[sites - 1] = False
            elif site[gate - 1] and not site[gate]:
                site[gate - 1], site[gate] = False, True
    return entered / (duration * replicas)


if __name__ == "__main__":
    sites, duration, replicas, seed = (float(number) for number in sys.argv[1:])
    sequential(10, 1.0, 1, 0)
    began = time.perf_counter()
    current = sequential(int(sites), duration, int(replicas), int(seed))
    print(time.perf_counter() - began, current)
