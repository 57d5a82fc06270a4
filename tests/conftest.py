"""Profiles of hypothesis: `HYPOTHESIS_PROFILE=soak` runs many more examples than the default, and never the same ones twice."""

import os

import pytest
from hypothesis import HealthCheck, settings

SLOW_IS_FINE = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
settings.register_profile("default", deadline=None, max_examples=15, derandomize=True, suppress_health_check=SLOW_IS_FINE, print_blob=True)
settings.register_profile("soak", deadline=None, max_examples=2000, suppress_health_check=SLOW_IS_FINE, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

LONG = (
    "tests/site/test_whole_site.py",
    "tests/stations/test_abuse.py",
    "tests/stations/test_kill.py",
    "tests/pages/",
    "tests/app/",
    "tests/stations/",
    "tests/properties/",
)
"""What takes long begins first, so that no worker is left alone with it in the end; most of these wait rather than reckon."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def rank(item: pytest.Item) -> int:
        return next((place for place, name in enumerate(LONG) if item.nodeid.startswith(name)), len(LONG))

    items.sort(key=rank)
