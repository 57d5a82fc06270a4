"""Writes what `chargebridge eebus rules` prints: the rules of `eebus_rules.tsv` with the tests that show each, as `eebus_rules.py` finds them.

python tools/write_eebus_rules.py
"""

import sys
from pathlib import Path

import msgspec

sys.path.insert(0, str(Path(__file__).parent))
import eebus_rules

from chargebridge.app.commands.eebus_rules import RuleRow

TO = Path(__file__).parents[1] / "src" / "chargebridge" / "app" / "eebus_rules.jsonl"


def rows() -> list[RuleRow]:
    rules, declared = eebus_rules.listed(), eebus_rules.not_ours()
    nodes, errors = eebus_rules.collected()
    if errors:
        sys.exit(f"{', '.join(errors)} cannot be collected")
    shown, _ = eebus_rules.shown_by(nodes, rules)
    return [
        RuleRow(
            id=one.id,
            ts=one.ts,
            side=one.side,
            duty=one.duty,
            words=one.words,
            not_ours=declared.get(one.id, ""),
            lpc=tuple(sorted(shown.get(("LPC", one.id), ()))),
            lpp=tuple(sorted(shown.get(("LPP", one.id), ()))),
        )
        for one in rules.values()
    ]


if __name__ == "__main__":
    TO.write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in rows()))
