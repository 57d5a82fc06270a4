"""What differs between two JSON values, in few words: a list of paths with the value before and after."""

import re
from typing import Any

from chargebridge.site.operation.view import Change

MAX_CHANGES = 20
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")
_NAMES = ("measurand", "phase", "location", "context", "unit")
_IDS = ("key", "id", "connectorId", "evseId", "stackLevel", "startPeriod", "idTag")


def difference(before: Any, after: Any) -> tuple[Change, ...]:
    """At most MAX_CHANGES. Times are left out: they differ always and say nothing. Items of lists are matched by what they are, not where."""
    found: list[Change] = []
    _compare("", before, after, found)
    return tuple(found)


def _compare(path: str, before: Any, after: Any, found: list[Change]) -> None:
    if len(found) >= MAX_CHANGES or before == after or (_is_time(before) and _is_time(after)):
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for name in [*after, *(n for n in before if n not in after)]:
            _compare(f"{path}.{name}" if path else str(name), before.get(name), after.get(name), found)
    elif isinstance(before, list) and isinstance(after, list):
        _compare_lists(path, before, after, found)
    else:
        found.append(Change(path or "$", before, after))


def _compare_lists(path: str, before: list[Any], after: list[Any], found: list[Change]) -> None:
    if len(before) == len(after) == 1:  # the only one is the same one, whatever it is called
        name = _name(after[0]) if _is_measured(after[0]) else "0"
        _compare(f"{path}[{name}]", before[0], after[0], found)
        return
    old, new = _named(before), _named(after)
    for name in [*new, *(n for n in old if n not in new)]:
        _compare(f"{path}[{name}]", old.get(name), new.get(name), found)


def _named(items: list[Any]) -> dict[str, Any]:
    """Each item by a name that is its own: what it measures, its id, or its place."""
    named: dict[str, Any] = {}
    for place, item in enumerate(items):
        name = _name(item) or str(place)
        named[name if name not in named else f"{name}#{place}"] = item
    return named


def _name(item: Any) -> str:
    if not isinstance(item, dict):
        return ""
    if _is_measured(item):
        words = [str(item[n]) for n in _NAMES if isinstance(item.get(n), str) and item[n] not in ("Sample.Periodic", "Outlet")]
        return " ".join(words) or "value"
    parts = [item.get("component"), item.get("variable")]
    if all(isinstance(part, dict) for part in parts):
        return ".".join(str(part.get("name", "")) for part in parts if isinstance(part, dict))
    return next((str(item[n]) for n in _IDS if isinstance(item.get(n), str | int)), "")


def _is_measured(item: Any) -> bool:
    return isinstance(item, dict) and "value" in item


def _is_time(value: Any) -> bool:
    return isinstance(value, str) and _TIME.match(value) is not None
