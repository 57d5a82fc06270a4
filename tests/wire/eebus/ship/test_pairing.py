"""Digests of the SHIP Pairing Service and what is made of them (guide 14; the values are those of annex A.3)."""

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from chargebridge.wire.eebus.ship import RecordError
from chargebridge.wire.eebus.ship.pairing import (
    REMEMBERED,
    Announcement,
    Trust,
    digest_of,
    from_txt,
    judge,
    may_replace,
    message_of,
    remember,
    to_txt,
)

SECRET = bytes.fromhex("7A37DCF81BDB50F8E92CFA4160CCB3DE")
OWN_ID = "i:983327_u:C8277H008F-3"
OWN_FINGERPRINT = "C74B7855D3479415F62CC01E5F6D9A93EBC676057D85417ADA16FD1384338943"
TRUST = Trust("i:46925_u:43652bk-2-gt1", "2CC72E781F7A7D2A08D50196C50FEDF0F7BA583F43F76C8C0DDEC9EEF0D005B4", "secp256r1")
ANNEX = Announcement(
    for_id=OWN_ID,
    for_par=OWN_FINGERPRINT,
    trust_id=TRUST.ship_id,
    trust_par=TRUST.fingerprint,
    trust_nonce="BDCEE427FA7208DF3C1F2A749BA6F4D4",
    digest="BCBB62B2176DA2CEE545784CEB1F2A55E049451B12A549C98E8CA213F001DA25",
)


def signed(announcement: Announcement, secret: bytes = SECRET) -> Announcement:
    return replace(announcement, digest=digest_of(secret, announcement))


def judged(announcement: Announcement, accepted: tuple[str, ...] = ()) -> Trust:
    return judge(announcement, SECRET, OWN_ID, OWN_FINGERPRINT, accepted)


def test_the_message_of_the_annex() -> None:
    assert message_of(ANNEX).decode() == (
        f"txtvers=1;parType=fpSha256;forId={OWN_ID};forPar={OWN_FINGERPRINT};trustId={TRUST.ship_id};trustPar={TRUST.fingerprint};"
        "trustCurve=secp256r1;type=addCu;trustNonce=BDCEE427FA7208DF3C1F2A749BA6F4D4;alg=hmacSha256;"
    )


def test_the_digest_of_the_annex() -> None:
    assert digest_of(SECRET, ANNEX) == ANNEX.digest
    assert judged(ANNEX) == TRUST


def test_the_digest_is_over_the_text_as_it_came() -> None:
    lower = replace(ANNEX, trust_nonce=ANNEX.trust_nonce.lower(), trust_par=ANNEX.trust_par.lower())
    key = SECRET + bytes.fromhex(ANNEX.trust_nonce)
    assert digest_of(SECRET, lower) == hmac.new(key, message_of(lower), hashlib.sha256).hexdigest().upper() != ANNEX.digest
    assert judged(signed(lower)) == TRUST
    assert judged(replace(ANNEX, digest=ANNEX.digest.lower())) == TRUST


def test_the_record_as_it_is_announced_and_read() -> None:
    txt = to_txt(ANNEX)
    keys = ["txtvers", "parType", "forId", "forPar", "trustId", "trustPar", "trustCurve", "type", "trustNonce", "alg", "digest"]
    assert list(txt) == keys
    assert from_txt({key.encode(): value.encode() for key, value in txt.items()}) == ANNEX
    for key in keys:
        with pytest.raises(RecordError, match=key):
            from_txt({other.encode(): value.encode() for other, value in txt.items() if other != key})


@pytest.mark.parametrize(
    ("wrong", "position"),
    [
        (signed(ANNEX, bytes(16)), "digest"),
        (replace(ANNEX, digest=""), "digest"),
        (replace(ANNEX, digest="ä" * 64), "digest"),
        (replace(ANNEX, trust_id="other"), "digest"),
        (replace(ANNEX, trust_nonce="00" * 16), "digest"),
        (signed(replace(ANNEX, for_id="other")), "forId, forPar"),
        (signed(replace(ANNEX, for_par="0" * 64)), "forId, forPar"),
        (signed(replace(ANNEX, for_par="0")), "forPar, trustPar"),
        (signed(replace(ANNEX, trust_par="zz")), "forPar, trustPar"),
        (signed(replace(ANNEX, type="removeCu")), "type"),
        (signed(replace(ANNEX, trust_curve="secp521r1")), "trustCurve"),
        (signed(replace(ANNEX, txtvers="2")), "txtvers, parType, alg"),
        (signed(replace(ANNEX, par_type="ski")), "txtvers, parType, alg"),
        (signed(replace(ANNEX, alg="none")), "txtvers, parType, alg"),
        (replace(ANNEX, trust_nonce="00" * 15), "trustNonce"),
        (replace(ANNEX, trust_nonce="xy" * 16), "trustNonce"),
    ],
)
def test_whom_not_to_trust(wrong: Announcement, position: str) -> None:
    with pytest.raises(RecordError) as caught:
        judged(wrong)
    assert caught.value.position == position


def test_an_announcement_is_good_once() -> None:
    accepted = remember((), ANNEX.digest.lower())
    with pytest.raises(RecordError, match="plays back"):
        judged(ANNEX, accepted)
    fresh = signed(replace(ANNEX, trust_nonce="11" * 16))
    assert judged(fresh, accepted) == TRUST


def test_what_is_remembered_is_bounded_and_the_oldest_goes_first() -> None:
    accepted: tuple[str, ...] = ()
    for number in range(REMEMBERED + 3):
        accepted = remember(accepted, f"{number:064x}")
    assert accepted == tuple(f"{number:064X}" for number in range(3, REMEMBERED + 3))


def test_a_control_unit_is_replaced_only_after_15_minutes_away() -> None:
    assert [may_replace(away_s) for away_s in (None, 0.0, 899.9, 900.0)] == [False, False, False, True]


@given(st.dictionaries(st.sampled_from([*to_txt(ANNEX), "x"]), st.none() | st.binary(max_size=70)))
def test_nobody_is_trusted_by_chance(changed: dict[str, bytes | None]) -> None:
    original = {key.encode(): value.encode() for key, value in to_txt(ANNEX).items()}
    entries: dict[bytes, bytes | None] = original | {key.encode(): value for key, value in changed.items()}
    try:
        trust = judged(from_txt(entries))
    except RecordError as error:
        assert error.cure  # noqa: PT017
    else:
        assert trust == TRUST
