"""The list of LPC's and LPP's rules is whole, and no test is named for one that is not in it."""

import ast
import importlib.util
from pathlib import Path

ROOT = Path(__file__).parents[2]
_spec = importlib.util.spec_from_file_location("eebus_rules", ROOT / "tools" / "eebus_rules.py")
assert _spec is not None
assert _spec.loader is not None
rules = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(rules)


def test_the_list() -> None:
    listed = rules.listed()
    assert {one.duty for one in listed.values()} == set(rules.DUTIES)
    assert {one.side for one in listed.values()} == {"CS", "EG", "both"}
    assert {f"9{at:02}" for at in (2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 13, 18, 19, 20, 21, 22, 23)} <= listed.keys()
    assert all(one.words for one in listed.values())
    assert set(rules.not_ours()) <= listed.keys()
    assert all(why.strip() for why in rules.not_ours().values())


def test_a_name_says_what_it_shows() -> None:
    assert rules.named("a.py::test_LPC_022_3_4_what") == ({"LPC"}, ["022/3", "022/4"])
    assert rules.named("a.py::test_LPC_906_921_TS_012_what_2_h[LPP-init]") == ({"LPP"}, ["906", "921", "TS-012"])
    assert rules.named("a.py::test_LPC_LPP_TS_035_1_what") == ({"LPC", "LPP"}, ["TS-035/1"])
    assert rules.named("a.py::test_LPC_transition[LPP-902]") == ({"LPP"}, ["902"])
    assert rules.named("a.py::test_OPEV_2_what") == (set(), [])
    listed = rules.listed()
    assert rules.rule_of("TS-041", listed) == ["TS-041"]
    assert rules.rule_of("TS-029", listed) == ["912"]
    assert rules.rule_of("777", listed) == []


def test_every_name_is_of_rules_of_the_list() -> None:
    listed = rules.listed()
    unknown = []
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        text = path.read_text()
        if "def test_LPC_" in text or "def test_LPP_" in text:
            names = [node.name for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
            unknown += [f"{path.name} {name}" for name in names for number in rules.named(name)[1] if not rules.rule_of(number, listed)]
    assert unknown == []
