"""The list of OCPP's requirements is whole, and no test claims to show one that is not in it."""

import ast
import importlib.util
from pathlib import Path

ROOT = Path(__file__).parents[2]
_spec = importlib.util.spec_from_file_location("ocpp_requirements", ROOT / "tools" / "ocpp_requirements.py")
assert _spec is not None
assert _spec.loader is not None
requirements = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(requirements)


def test_the_list() -> None:
    duties, words, chapters = requirements.listed()
    assert set(duties.values()) == {"must", "should", "may", "-"}
    counts = {version: sum(1 for found, _ in duties if found == version) for version in requirements.VERSIONS}
    assert counts["1.6"] > 200
    assert counts["2.0.1"] > 1200
    assert counts["2.1"] > 1800
    assert all(requirements.block(name) in requirements.BLOCKS for _, name in duties)
    assert all(words.get(requirements.use_case(name)) for _, name in duties)
    assert all(("1.6", chapter) in duties for chapter in chapters.values() if chapter)


def test_every_marker_names_requirements_of_the_list() -> None:
    """The markers that are written out; those that tests are given by a table are judged by `make requirements`."""
    duties, _, chapters = requirements.listed()
    unknown = []
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        text = path.read_text()
        if "mark.ocpp(" not in text:
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "ocpp":
                version, *names = [str(argument.value) for argument in node.args if isinstance(argument, ast.Constant)] or [""]
                known = [(version, name) in duties or (version == "1.6" and chapters.get(requirements.use_case(name))) for name in names]
                unknown += [f"{path.name}:{node.lineno} {version} {name}" for name, yes in zip(names, known, strict=True) if not yes]
    assert unknown == []


def test_what_is_declared_not_ours_is_asked_of_a_csms_and_has_a_reason() -> None:
    duties, _, _ = requirements.listed()
    declared = requirements.not_ours()
    assert [one for one in declared if duties.get(one) != "must"] == []
    assert all(reason.strip() for reason in declared.values())
