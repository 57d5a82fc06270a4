"""What is to bend costs more than all money, what bends last the most: multiples of a base that the problem's own prices give.

Only the scale has to be right, so that nothing bends that need not. Where anything does, the order is kept by programmes of their own (`exact`).
"""

import numpy as np

from chargebridge.planning.arrays import Arrays

SOFT, GOAL, PLANT, OVERLOAD = 10.0, 100.0, 1e4, 1e5


def base_weight(a: Arrays) -> float:
    """Money a kWh that nothing in the problem exceeds; positive whatever the prices."""
    money = [1e-4, np.abs(a.import_price).max(), np.abs(a.export_price).max()]
    money += np.abs(a.aims.cap[a.aims.capped]).tolist()
    if len(a.rest):
        money += [np.abs(a.rest).max(), a.wear.max()]
    windows = [charge.price_per_kw / (min(charge.window_s, *np.diff(a.edges_s)) / 3600.0) for charge in a.problem.prices.demand]
    efficiency = min([1.0, *(a.charge_efficiency * a.discharge_efficiency)])
    return float((max(money) + sum(windows)) / efficiency)
