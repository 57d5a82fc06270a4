"""Foreign verifiers look at what ours signed. Where one says another thing than ours, the case says why; a reason that no longer holds is wrong."""

import shutil
from typing import Any

from interop.ocpp.check import Check
from interop.ocpp.npm import installed
from interop.signed import cases
from interop.signed.cases import Case
from interop.signed.programs import UnavailableError, asked, python

PYOCMF = "pyocmf[crypto]==0.6.0"
ROAD_LABS, ROAD_LABS_VERSION = "@road-labs/ocmf", "0.0.9"


async def run() -> list[Check]:
    signatures, sessions = list(cases.signatures()), list(cases.sessions())
    checks: list[Check] = []
    said: dict[str, list[str]] = {}
    for name, verdicts in (("pyocmf", _pyocmf), ("road-labs", _road_labs)):
        try:
            said[name] = await verdicts(signatures, sessions)
        except UnavailableError as error:
            checks.append(Check(f"{name} verifies what ours signed", False, str(error), skipped=True))
    for place, case in enumerate([*signatures, *sessions]):
        told = {name: verdicts[place] for name, verdicts in said.items() if place < len(verdicts)}
        if told:
            checks.append(_compared(case, told))
    return checks


def _compared(case: Case, told: dict[str, str]) -> Check:
    """refused: the peer did not come to verify it, which agrees with ours only where ours is not valid either."""
    notes = [f"ours {case.ours}"]
    right = True
    for name, verdict in told.items():
        word, why = verdict.partition(":")[0], case.differs.get(name)
        agrees = (word == "valid") is (case.ours == "valid")
        right &= agrees is (why is None)
        if why is None:
            notes.append(f"{name} {word if agrees else verdict}")
        else:
            notes.append(f"{name} agrees, and was to differ: {why}" if agrees else f"{name} {word}, as it {why}")
    return Check(case.name, right, "; ".join(notes))


async def _pyocmf(signatures: list[Case], sessions: list[Case]) -> list[str]:
    told = [_told(case, rules=False) for case in signatures] + [_told(case, rules=True) for case in sessions]
    return list(await python("their_pyocmf.py", (PYOCMF,), told))


async def _road_labs(signatures: list[Case], _: list[Case]) -> list[str]:
    """It knows no rules for sessions."""
    package = await installed(ROAD_LABS, ROAD_LABS_VERSION, f"@road-labs/ocmf-crypto-noble@{ROAD_LABS_VERSION}")
    node = shutil.which("node")
    if package is None or node is None:
        raise UnavailableError("Node.js, npm and its registry are needed")
    script = __file__.replace("verifiers.py", "their_ocmf.cjs")
    return list(await asked(node, script, str(package.parents[1]), told=[_told(case, rules=False) for case in signatures]))


def _told(case: Case, *, rules: bool) -> dict[str, Any]:
    return {"records": [one.decode() for one in case.records], "key": case.key.spki().hex(), "rules": rules}
