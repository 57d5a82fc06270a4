"""What ``meter decode`` shows of a telegram fits 80 columns and reads as people write."""

import io

from msgspec.structs import replace
from rich.console import Console
from tests.sim.telegrams.test_golden import THREE_PHASES

from chargebridge.app.commands.meter import telegram_shown
from chargebridge.sim.telegrams import p1
from chargebridge.wire.meter import P1Decoder, Register, Scale, Telegram


def shown(telegram: Telegram) -> list[str]:
    console = Console(file=io.StringIO(), width=80)
    console.print(telegram_shown(telegram))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert max(map(len, text.splitlines())) <= 80
    return text.splitlines()


def test_a_telegram_is_shown() -> None:
    (telegram,) = P1Decoder().feed(p1.encode(THREE_PHASES))
    assert isinstance(telegram, Telegram)
    head, *rows = shown(telegram)
    assert head == "p1, CBR5\\SIM-1000, 12345678, 2026-07-01 12:00:03 UTC"
    cells = [[cell.strip() for cell in row.split("│")[1:-1]] for row in rows if "│" in row]
    assert ["1-0:1.7.0", "3451", "W", ""] in cells
    assert ["1-0:32.7.0", "230.1", "V", ""] in cells


def test_what_is_doubtful_is_told() -> None:
    (telegram,) = P1Decoder().feed(p1.encode(THREE_PHASES))
    assert isinstance(telegram, Telegram)
    doubtful = replace(
        telegram,
        crc_ok=False,
        unparsed=("0-0:[red](x)",),
        registers={"1-0:1.8.0": Register(None, "Wh", scale=Scale.UNKNOWN)},
    )
    head, *rows = shown(doubtful)
    assert head.endswith("checksum wrong")
    assert rows[-1] == "not understood: 0-0:[red](x)"
    assert any("unknown" in row and "None" not in row for row in rows)
