"""Passwords: kept as hashes, right ones match, anything else does not."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chargebridge.store.passwords import hash_password, matches


@pytest.mark.usefixtures("full_cost")
def test_the_right_one_matches_and_no_other() -> None:
    stored = hash_password("Lindenhof 7")
    assert "Lindenhof" not in stored
    assert matches(b"Lindenhof 7", stored)
    assert not matches(b"lindenhof 7", stored)
    assert hash_password("Lindenhof 7") != stored, "each hash has its own salt"


@settings(max_examples=50, deadline=None)
@given(st.text())
def test_what_is_no_hash_never_matches_and_never_raises(text: str) -> None:
    assert not matches(b"", text)
