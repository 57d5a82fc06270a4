"""Peers are not left alone for as long as in the field."""

import pytest


@pytest.fixture(autouse=True)
def _short_rest(monkeypatch):
    monkeypatch.setattr("chargebridge.links.eebus.dialler.REST_S", 0.05)
