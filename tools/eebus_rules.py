"""From the rules of LPC and LPP to the tests that show them, and which are still open.

    python tools/eebus_rules.py [--open] [--tests] [LPC | LPP]

`eebus_rules.tsv` beside this file lists the rules of LPC 1.0.0, which are those of LPP too: their numbers, the numbers of the public test
specification (TS) where they have one there, whose they are (CS the Controllable System, EG the Energy Guard), and what they ask: `shall`, `should`,
`may`. `eebus_not_ours.tsv` declares what is nobody's work here, with the reason; such a rule is no longer open.

A test says by its name what it shows: ``test_LPC_911_...``, ``test_LPC_022_3_4_...`` for 022/3 and 022/4, ``test_LPC_TS_041_...`` where the number is
one of TS that is a rule's too. Where the name has no number, a parameter may be one (``[902]``); one that is called LPC or LPP says which use case
the test is of. Tests are collected, not run. --open names the open rules, --tests the tests of each. Fails when a test names a rule that is not in
the list, and when a declared one is not in it or is shown after all.
"""

import contextlib
import io
import re
import sys
from collections import defaultdict
from pathlib import Path

import msgspec
import pytest

KINDS = ("LPC", "LPP")
ROOT = Path(__file__).parent.parent
DUTIES = ("shall", "should", "may")

Shown = dict[tuple[str, str], set[str]]
"""(LPC or LPP, rule) -> tests."""


class Rule(msgspec.Struct, frozen=True):
    """id: its number, ``TS-012`` where it has one in the test specification only. ts: its number there, empty if it has none."""

    id: str
    ts: str
    side: str
    duty: str
    words: str


def listed() -> dict[str, Rule]:
    """The rules by their ids."""
    rules = [line.split("\t") for line in Path(__file__).with_suffix(".tsv").read_text().splitlines()[1:]]
    ids = [f"TS-{ts}" if number == "-" else number for number, ts, *_ in rules]
    found = {id_: Rule(id_, "" if ts == "-" else ts, *rest) for id_, (_, ts, *rest) in zip(ids, rules, strict=True)}
    assert len(found) == len(rules), "two rules with one number"
    return found


def not_ours() -> dict[str, str]:
    """rule -> why nobody's work shows it here."""
    lines = Path(__file__).with_name("eebus_not_ours.tsv").read_text().splitlines()[1:]
    return {id_: why for id_, _, why in (line.partition("\t") for line in lines)}


def named(node: str) -> tuple[set[str], list[str]]:
    """(LPC, LPP or both, the numbers that a test's name and parameters say), e.g. "022/3", "TS-041"."""
    name, _, parameters = node.rpartition("::")[2].partition("[")
    words = name.removeprefix("test_").split("_")
    if words[0] not in KINDS:
        return set(), []
    kinds, numbers, prefix = set[str](), list[str](), ""
    for word in words:
        if word in KINDS:
            kinds.add(word)
        elif word == "TS":
            prefix = "TS-"
        elif re.fullmatch(r"\d{3}", word):
            numbers.append(prefix + word)
        elif re.fullmatch(r"\d", word) and numbers:
            sub = f"{numbers[-1].partition('/')[0]}/{word}"
            numbers = [*numbers[:-1], sub] if "/" not in numbers[-1] else [*numbers, sub]
        else:
            break
    said = re.split(r"[-\]]", parameters)
    return ({word for word in said if word in KINDS} or kinds), numbers or [word for word in said if re.fullmatch(r"\d{3}", word)]


def rule_of(number: str, rules: dict[str, Rule]) -> list[str]:
    """The rules of a number; one of the test specification may stand for several."""
    if number in rules:
        return [number]
    ts = number.removeprefix("TS-")
    return [one.id for one in rules.values() if one.ts == ts]


class _Collector:
    """A pytest plugin that notes what is collected."""

    def __init__(self) -> None:
        self.nodes: list[str] = []
        self.errors: list[str] = []

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        self.nodes += [item.nodeid for item in items]

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.errors.append(report.nodeid)


def collected() -> tuple[list[str], list[str]]:
    """(tests that are named for rules, files that cannot be collected)."""
    files = [str(path) for path in sorted((ROOT / "tests").rglob("test_*.py")) if re.search(r"def test_(LPC|LPP)_", path.read_text())]
    collector = _Collector()
    with contextlib.redirect_stdout(io.StringIO()):
        code = pytest.main(["--collect-only", "-q", "-p", "no:cacheprovider", "--rootdir", str(ROOT), *files], plugins=[collector])
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED) and not collector.errors:
        collector.errors.append("tests")
    return collector.nodes, collector.errors


def shown_by(nodes: list[str], rules: dict[str, Rule]) -> tuple[Shown, list[tuple[str, str]]]:
    """(what the tests show, (test, number) of what is not in the list)."""
    shown: Shown = defaultdict(set)
    unknown: list[tuple[str, str]] = []
    for node in nodes:
        kinds, numbers = named(node)
        for number in numbers:
            ids = rule_of(number, rules)
            unknown += [] if ids else [(node, number)]
            for kind in kinds:
                for id_ in ids:
                    shown[kind, id_].add(node.partition("[")[0])
    return shown, unknown


def report(kinds: list[str], *, name_open: bool, name_tests: bool) -> int:
    rules, declared = listed(), not_ours()
    nodes, errors = collected()
    shown, unknown = shown_by(nodes, rules)
    for kind in kinds:
        print(f"{kind}: rules by what they ask, and tests\n")
        print(f"{'':8}{'rules':>7}{'shown':>7}{'open':>6}{'not ours':>10}")
        open_: list[Rule] = []
        for duty in DUTIES:
            ours = [one for one in rules.values() if one.duty == duty]
            proven = [one for one in ours if shown.get((kind, one.id))]
            others = [one for one in ours if one not in proven and one.id in declared]
            left = [one for one in ours if one not in proven and one not in others]
            open_ += left
            print(f"{duty:8}{len(ours):>7}{len(proven):>7}{len(left):>6}{len(others) or '':>10}")
        print()
        for one in rules.values():
            number = one.id if one.id.startswith("TS") else f"{kind}-{one.id}"
            tests = shown.get((kind, one.id), set())
            state = f"{len(tests)} tests" if tests else "not ours" if one.id in declared else "open"
            if name_tests or (name_open and not tests):
                print(f"    {number:10}{one.side:6}{one.duty:8}{state:10}{declared[one.id] if state == 'not ours' else one.words}")
            for test in sorted(tests) if name_tests else ():
                print(f"               {test}")
        print()
    for node, number in unknown:
        print(f"there is no rule {number}, which {node} is named for; correct the name")
    wrong = sorted(id_ for id_ in declared if id_ not in rules or any(shown.get((kind, id_)) for kind in KINDS))
    for id_ in wrong:
        print(f"{id_} is declared not ours, but {'a test shows it' if id_ in rules else 'is no rule'}; correct eebus_not_ours.tsv")
    for file in errors:
        print(f"{file} cannot be collected; run pytest --collect-only on it to see why")
    return 1 if unknown or wrong or errors else 0


if __name__ == "__main__":
    chosen = [word for word in sys.argv[1:] if word in KINDS]
    sys.exit(report(chosen or list(KINDS), name_open="--open" in sys.argv, name_tests="--tests" in sys.argv))
