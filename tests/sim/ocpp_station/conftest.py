"""Fixtures of the virtual station's tests."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for station_kit

from station_kit import SECOND, VERSIONS


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=SECOND)
def second(request: pytest.FixtureRequest) -> str:
    """The versions of the second generation."""
    return str(request.param)
