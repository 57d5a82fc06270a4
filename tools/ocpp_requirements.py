"""From the OCPP specification's requirements to the tests that show them, and which are still open.

    python tools/ocpp_requirements.py [--open] [--tests] [VERSION ...]

`ocpp_requirements.tsv` beside this file lists every requirement id of OCPP 2.0.1 (edition 3, part 2) and 2.1 (edition 1, part 2) and of the security
whitepaper of 1.6 (edition 3), with what it asks of the CSMS: `must`, `should`, `may`, or `-` when it speaks of the station alone. Where the
specification has no ids, chapters stand for them: 3.5 to 5.19 of 1.6, and those of OCPP-J (part 4 in 2.x) with a J before the number.
A line without duties names a use case, and the chapter of 1.6 that says the same.

`ocpp_not_ours.tsv` declares what is asked of a CSMS but is not this product's duty: versions, ids (several of each with a blank between) and the
reason, parted by tabs. Such an id is no longer open; it is counted by itself, and --open prints it with its reason. The reason says what the product
does not do, and so why the requirement's precondition never arises, or why it is kept otherwise on purpose; work that is not done yet is no reason.

A test says what it shows with `@pytest.mark.ocpp("2.0.1", "E02.FR.05")`; named for 1.6, an id that only 2.x has counts for its chapter. Tests are
collected, not run. --open names the open requirements of the CSMS, --tests the tests of each that is shown. Fails when a test names a
requirement that is not in the list, and when a declared one is not in it, is no must, or is shown by a test after all.
"""

import contextlib
import io
import re
import sys
from collections import defaultdict
from pathlib import Path

import pytest

VERSIONS = ("1.6", "2.0.1", "2.1")
ROOT = Path(__file__).parent.parent
BLOCKS = {
    "A": "Security", "B": "Provisioning", "C": "Authorization", "D": "Local list", "E": "Transactions", "F": "Remote control",
    "G": "Availability", "H": "Reservation", "I": "Tariff and cost", "J": "Meter values", "K": "Smart charging", "L": "Firmware",
    "M": "Certificates", "N": "Diagnostics", "O": "Display", "P": "Data transfer", "Q": "V2X", "R": "DER control", "S": "Battery swap",
    "OCPP-J": "Transport and RPC", "1.6": "Chapters of 1.6",
}  # fmt: skip

DUTIES = ("must", "should", "may", "-")

Requirement = tuple[str, str]  # version, id


def listed() -> tuple[dict[Requirement, str], dict[str, str], dict[str, str]]:
    """(requirement -> what it asks of the CSMS, use case or chapter -> its words, use case -> chapter of 1.6)."""
    duties: dict[Requirement, str] = {}
    words: dict[str, str] = {}
    chapters: dict[str, str] = {}
    for line in Path(__file__).with_suffix(".tsv").read_text().splitlines()[1:]:
        name, *asked, says = line.split("\t")
        if says:
            words[name] = says
        if not asked[1] and not asked[2] and asked[0] not in DUTIES:
            chapters[name] = asked[0]
            continue
        duties |= {(version, name): duty for version, duty in zip(VERSIONS, asked, strict=True) if duty}
    return duties, words, chapters


def not_ours() -> dict[Requirement, str]:
    """requirement -> why it is not this product's duty."""
    lines = Path(__file__).with_name("ocpp_not_ours.tsv").read_text().splitlines()[1:]
    fields = [line.split("\t") for line in lines]
    return {(version, name): why for versions, names, why in fields for version in versions.split() for name in names.split()}


def block(name: str) -> str:
    """The functional block that a requirement belongs to."""
    if name[0].isdigit():
        return "1.6"
    return name[0] if ".FR." in name else "OCPP-J"


def use_case(name: str) -> str:
    return name.partition(".FR.")[0] if ".FR." in name else name


class _Collector:
    """A pytest plugin that notes the markers of what is collected."""

    def __init__(self) -> None:
        self.shown: dict[Requirement, set[str]] = defaultdict(set)
        self.errors: list[str] = []

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            for mark in item.iter_markers("ocpp"):
                version, *names = mark.args
                for name in names:
                    self.shown[version, name].add(item.nodeid.partition("[")[0])

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.errors.append(report.nodeid)


def collected() -> tuple[dict[Requirement, set[str]], list[str]]:
    """(requirement -> the tests that show it, files that cannot be collected)."""
    files = [str(path) for path in sorted((ROOT / "tests").rglob("test_*.py")) if re.search(r"mark\.ocpp\(", path.read_text())]
    collector = _Collector()
    with contextlib.redirect_stdout(io.StringIO()):
        code = pytest.main(["--collect-only", "-q", "-p", "no:cacheprovider", "--rootdir", str(ROOT), *files], plugins=[collector])
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED) and not collector.errors:
        collector.errors.append("tests")
    return collector.shown, collector.errors


def report(versions: list[str], *, name_open: bool, name_tests: bool) -> int:
    duties, words, chapters = listed()
    named, errors = collected()
    shown: dict[Requirement, set[str]] = defaultdict(set)
    for (version, name), tests in named.items():
        chapter = chapters.get(use_case(name)) if version == "1.6" and (version, name) not in duties else None
        shown[version, chapter or name] |= tests
    declared = not_ours()
    for version in versions:
        print(f"OCPP {version}: what the CSMS must do, by functional block\n")
        print(f"{'block':24}{'must':>6}{'shown':>7}{'open':>6}{'not ours':>10}   also shown (should, may, the station's)")
        rows: dict[str, list[str]] = defaultdict(list)
        for found, name in duties:
            if found == version:
                rows[block(name)].append(name)
        totals = [0, 0, 0]
        for key, title in BLOCKS.items():
            names = rows.get(key, [])
            must = [name for name in names if duties[version, name] == "must"]
            proven = [name for name in must if shown.get((version, name))]
            others = [name for name in must if name not in proven and (version, name) in declared]
            unshown = [name for name in must if name not in proven and name not in others]
            more = sum(1 for name in names if duties[version, name] != "must" and shown.get((version, name)))
            if names:
                letter = f"{key}  {title}" if len(key) == 1 else title
                print(f"{letter:24}{len(must):>6}{len(proven):>7}{len(unshown):>6}{len(others) or '':>10}   {more or ''}")
            totals = [totals[0] + len(must), totals[1] + len(proven), totals[2] + len(others)]
            if name_tests:
                _print_tests(version, names, shown)
            if name_open:
                _print_open(unshown, words)
                for name in others:
                    print(f"    not ours  {name}  {declared[version, name]}")
        print(f"{'all':24}{totals[0]:>6}{totals[1]:>7}{totals[0] - totals[1] - totals[2]:>6}{totals[2] or '':>10}\n")
    unknown = sorted(requirement for requirement in shown if requirement not in duties)
    for version, name in unknown:
        print(f"{version} has no requirement {name}, named by {', '.join(sorted(shown[version, name]))}; correct the marker")
    wrong = sorted(requirement for requirement in declared if duties.get(requirement) != "must" or shown.get(requirement))
    for version, name in wrong:
        why = "a test shows it" if shown.get((version, name)) else "it is not asked of a CSMS there"
        print(f"{version} {name} is declared not ours, but {why}; correct ocpp_not_ours.tsv")
    for file in errors:
        print(f"{file} cannot be collected; run pytest --collect-only on it to see why")
    return 1 if unknown or wrong or errors else 0


def _print_tests(version: str, names: list[str], shown: dict[Requirement, set[str]]) -> None:
    for name in names:
        for test in sorted(shown.get((version, name), ())):
            print(f"    {name:12} {test}")


def _print_open(names: list[str], words: dict[str, str]) -> None:
    """The open ones, gathered by use case."""
    cases: dict[str, list[str]] = defaultdict(list)
    for name in names:
        cases[use_case(name)].append(name.partition(".FR.")[2])
    for case, numbers in cases.items():
        print(f"    open  {case}{'.FR.' + ' '.join(numbers) if any(numbers) else ''}  {words.get(case, '')}")


if __name__ == "__main__":
    chosen = [word for word in sys.argv[1:] if word in VERSIONS]
    sys.exit(report(chosen or list(VERSIONS), name_open="--open" in sys.argv, name_tests="--tests" in sys.argv))
