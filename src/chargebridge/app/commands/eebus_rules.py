"""``chargebridge eebus rules``: the rules of LPC and LPP, and the tests that show that we keep them."""

from importlib.resources import files
from typing import Annotated, Literal

import msgspec
import typer
from msgspec import Struct
from rich.table import Table

from chargebridge.app.commands.output import AsJson, json_line, out

DUTIES = ("shall", "should", "may")


class RuleRow(Struct, frozen=True):
    """id: the rule's number in LPC 1.0.0, whose numbers LPP 1.0.0 has too; "TS-..." where only the public test specification numbers it; ts: its
    number there. side: CS the Controllable System, EG the Energy Guard, or both. duty: shall, should, may. not_ours: why it is nobody's here.
    lpc, lpp: the tests that show it, as pytest names them."""

    id: str
    ts: str
    side: str
    duty: str
    words: str
    not_ours: str
    lpc: tuple[str, ...]
    lpp: tuple[str, ...]


def table() -> tuple[RuleRow, ...]:
    """As `make eebus-rules` has written it of the tests that are there."""
    text = (files("chargebridge.app") / "eebus_rules.jsonl").read_text(encoding="utf-8")
    return tuple(msgspec.json.decode(line, type=RuleRow) for line in text.splitlines())


def rules(
    use_case: Annotated[Literal["LPC", "LPP"] | None, typer.Argument(help="Only of this use case.")] = None,
    open_: Annotated[bool, typer.Option("--open", help="Only those that no test shows.")] = False,
    tests: Annotated[bool, typer.Option("--tests", help="The tests of each.")] = False,
    as_json: AsJson = False,
) -> None:
    """The rules of LPC and LPP with how many tests show each."""
    rows = [row for row in table() if not open_ or not all(_shown(row, kind) or row.not_ours for kind in _kinds(use_case))]
    if as_json:
        for row in rows:
            json_line(row)
        return
    if tests:
        for row in rows:
            out.print(f"{row.id}  {row.side}  {row.duty}  {row.not_ours or row.words}", markup=False, soft_wrap=True)
            for test in sorted({test for kind in _kinds(use_case) for test in _shown(row, kind)}):
                out.print(f"    {test}", markup=False, soft_wrap=True)
        return
    shown = Table("rule", "whose", "duty", "", *(f"{kind} tests" for kind in _kinds(use_case)), box=None)
    for row in rows:
        counts = ("not ours" if row.not_ours else str(len(_shown(row, kind)) or "-") for kind in _kinds(use_case))
        shown.add_row(row.id, row.side, row.duty, row.not_ours or row.words, *counts)
    out.print(shown)
    for kind in _kinds(use_case):
        for duty in DUTIES:
            asked = [row for row in table() if row.duty == duty]
            proven = sum(bool(_shown(row, kind)) for row in asked)
            others = sum(bool(row.not_ours) for row in asked)
            out.print(f"{kind} {duty}: {proven} of {len(asked)} shown by tests" + (f", {others} not ours" if others else ""))


def _kinds(use_case: str | None) -> tuple[str, ...]:
    return ("LPC", "LPP") if use_case is None else (use_case,)


def _shown(row: RuleRow, kind: str) -> tuple[str, ...]:
    return row.lpc if kind == "LPC" else row.lpp
