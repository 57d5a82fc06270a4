"""enbility eebus-go, the library of most EEBUS products, in every role it has and in those built here on its SPINE part.

Needs: Go and the Go module proxy, the first time; the program in `peer/` is built in a cache outside the tree.
"""

from interop.eebus.build import MODULE, built
from interop.ocpp.check import Check

__all__ = ["run"]


async def run() -> list[Check]:
    program = await built()
    return [Check(f"{MODULE} is built", not isinstance(program, str), program if isinstance(program, str) else "")]
