"""What a German smart-meter gateway says at its HAN port (BSI TR-03109-1, interface IF_GW_CON), by maker: requests built, answers read.

Each maker's interface has its own file: ``theben`` (CONEXA 3.0, JSON), ``ppc`` (pages of HTML) with ``export`` (the signed files behind them),
``emh`` (CASA 1.1, JSON). No sockets, no clock. Answers that cannot be used raise ``SmgwError``.
"""

import chargebridge.wire.meter  # noqa: F401  (first: its table of languages imports this package)
from chargebridge.wire.smgw.value import Fault, LogEntry, SmgwError, UsagePoint, Value, latest, telegram

__all__ = ["Fault", "LogEntry", "SmgwError", "UsagePoint", "Value", "latest", "telegram"]
