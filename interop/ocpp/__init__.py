"""Foreign OCPP libraries as charge points and as attackers of our Central System, and as a central system of our virtual station.

Needs: the development dependencies; Node.js and npm for the two packages of its registry, which are installed in a cache outside the tree.
Starts: their charge points and the tests of `ocpp-ws-cli` as processes of Node.js, and ends them; all sockets are on loopback.
Proves: PyPI `ocpp` and npm `ocpp-rpc` (strict) run a full day at our Central System in 1.6J, 2.0.1 and 2.1 (`day`); npm `ocpp-ws-cli` passes its
21 transport and abuse tests (`abuse`); our virtual station spends a day of its own at a central system
made of PyPI `ocpp`, in all three (`their_central`).
"""

import logging

import structlog

from interop.ocpp import abuse, their_central
from interop.ocpp.check import Check
from interop.ocpp.day import Day
from interop.ocpp.npm import installed
from interop.ocpp.npm_point import PACKAGE, VERSION, NpmLink
from interop.ocpp.pypi_point import VERSIONS, PypiLink

__all__ = ["run"]


async def run() -> list[Check]:
    for name in ("ocpp", "websockets"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # they log a traceback for each call that is refused on purpose
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    checks: list[Check] = []
    for version in VERSIONS:
        checks += await Day("PyPI ocpp", version, PypiLink).run()
    package = await installed(PACKAGE, VERSION)
    if package is None:
        checks.append(Check(f"{PACKAGE} {VERSION} is installed by npm", False, "Node.js, npm and its registry are needed"))
    else:
        NpmLink.package = package
        for version in VERSIONS:
            checks += await Day(f"npm {PACKAGE}", version, NpmLink).run()
    return [*checks, *await their_central.run(), *await abuse.run()]
