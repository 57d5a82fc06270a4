"""One moment at a meter."""

from tests.meters.conftest import values as values
