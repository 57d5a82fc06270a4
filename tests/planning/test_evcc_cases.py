"""The golden cases of evcc's optimizer: each is planned in the usual time, and by its own terms our plan is never dearer than the answer expected."""

import os
from pathlib import Path

import pytest
from tests.planning.evcc_cases import cases, expected_flows, flows_of, problem_of, request_of, worth

from chargebridge.planning import plan
from chargebridge.planning.schedule import Solver

VECTORS = Path(os.environ.get("CHARGEBRIDGE_VECTORS", Path(__file__).parents[3] / "shared" / "vectors"))
CASES = cases(VECTORS)


@pytest.mark.skipif(len(CASES) < 19, reason="the golden cases are not there (planning/evcc_optimizer_cases below CHARGEBRIDGE_VECTORS)")
@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_never_dearer_than_the_expected_answer(path: Path) -> None:
    case = request_of(path)
    request = case["request"]
    made = plan(problem_of(request))
    assert made.solver is not Solver.RULE
    money, penalty = worth(request, flows_of(request, made))
    their_money, their_penalty = worth(request, expected_flows(case))
    assert money - penalty >= their_money - their_penalty - 1e-4
