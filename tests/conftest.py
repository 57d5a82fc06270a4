"""What all tests share: profiles of hypothesis, the order, and what passwords cost.

`HYPOTHESIS_PROFILE=soak` runs many more examples than the default, and never the same ones twice.
"""

import gc
import os
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import HealthCheck, settings

from chargebridge.store import passwords

SLOW_IS_FINE = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
settings.register_profile("default", deadline=None, max_examples=10, derandomize=True, suppress_health_check=SLOW_IS_FINE, print_blob=True)
settings.register_profile("soak", deadline=None, max_examples=2000, suppress_health_check=SLOW_IS_FINE, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

LONG = (
    "tests/site/test_whole_",
    "tests/properties/test_true_physics.py",
    "tests/stations/test_kill.py",
    "tests/pages/",
    "tests/app/",
    "tests/control/test_turns.py",
    "tests/stations/",
    "tests/properties/",
)
"""What takes long begins first, so that no worker is left alone with it in the end; most of these wait rather than reckon."""

FULL_COST = passwords.COST, passwords.PARALLEL
passwords.COST, passwords.PARALLEL = 2, 1
"""A fifth of a second of reckoning for each connection of each test shows nothing; the product's own processes keep the full cost."""

structlog.configure(
    processors=[
        *structlog.get_config()["processors"][:-1],
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
    ]
)
"""Tests provoke many errors; each painted with its source and variables would take a tenth of a second."""


@pytest.fixture(autouse=True)
def _log_as_before() -> Iterator[None]:
    """A command that a test runs sends the log to what is standard error then, and closed afterwards."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)


@pytest.fixture
def full_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords cost what they cost the product: for tests of just that, and those that share a store with a process of the product."""
    monkeypatch.setattr(passwords, "COST", FULL_COST[0])
    monkeypatch.setattr(passwords, "PARALLEL", FULL_COST[1])


def pytest_collection_finish() -> None:
    """Thousands of tests and all modules stay; to look through them for rubbish time and again would take a sixth of the time."""
    gc.collect()
    gc.freeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def rank(item: pytest.Item) -> int:
        return next((place for place, name in enumerate(LONG) if item.nodeid.startswith(name)), len(LONG))

    items.sort(key=rank)
