"""ACN-Sim's side of `plan_acn`, in an environment of its own: prints one JSON object.

python benchmarks/_acn_peer.py EVENTS.json.gz CAPACITY_KW ALGORITHM [LAST_STEP]     what it delivers, and its CPU time
python benchmarks/_acn_peer.py EVENTS.json.gz CAPACITY_KW network                   its garage at Caltech, as it serialises it
"""

import gzip
import json
import sys
import time
import warnings
from datetime import UTC, datetime

warnings.filterwarnings("ignore")

from acnportal import acnsim, algorithms  # noqa: E402
from acnportal.acnsim.network.sites import caltech_acn  # noqa: E402

ALGORITHMS = {
    "first_come_first_served": lambda: algorithms.SortedSchedulingAlgo(algorithms.first_come_first_served),
    "earliest_deadline_first": lambda: algorithms.SortedSchedulingAlgo(algorithms.earliest_deadline_first),
    "least_laxity_first": lambda: algorithms.SortedSchedulingAlgo(algorithms.least_laxity_first),
    "round_robin": lambda: algorithms.RoundRobin(algorithms.first_come_first_served),
}


def main(events: str, capacity: str, algorithm: str, last: str = "0") -> None:
    network = caltech_acn(basic_evse=True, transformer_cap=float(capacity))
    if algorithm == "network":
        print(network.to_json())
        return
    with gzip.open(events) as file:
        queue = acnsim.EventQueue.from_json(json.load(file))
    if int(last):
        queue._queue = [entry for entry in queue._queue if entry[0] < int(last)]
    simulator = acnsim.Simulator(network, ALGORITHMS[algorithm](), queue, datetime(2019, 3, 1, tzinfo=UTC), period=5, verbose=False)
    before = time.process_time()
    simulator.run()
    cars = {name: 1000 * car.energy_delivered for name, car in simulator.ev_history.items()}
    print(json.dumps({"cpu_s": time.process_time() - before, "delivered_wh": cars}))


if __name__ == "__main__":
    main(*sys.argv[1:])
