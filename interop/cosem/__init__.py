"""PyPI `gurux-dlms` (GPL) and `dlms-cosem` (MIT) read our virtual meter; our client reads the meter of PyPI `pydlms-client` (GPL).

Needs: the dependency group `interop`. Starts no process: both ends run here, over a real socket on loopback; theirs block, so in threads. The server
class of gurux-dlms 1.0.203 is left out: it calls methods that its own classes lack, and cannot build an enciphered answer.
Proves: public, password and GMAC associations, plain and enciphered; registers with their scalers, objects that are not there, lists; the load
profile by range and by entry, in blocks; wrapper and HDLC with segments.
"""

import importlib
import io
from contextlib import redirect_stdout

from interop.ocpp.check import Check

__all__ = ["run"]


async def run() -> list[Check]:
    checks: list[Check] = []
    with redirect_stdout(io.StringIO()):  # both packages print what they do
        for name in ("pydlms_meter", "gurux_client", "dlms_cosem_client"):
            # Imported only now: these packages are here only where their group was installed.
            checks += await importlib.import_module(f"interop.cosem.{name}").run()
    return checks
