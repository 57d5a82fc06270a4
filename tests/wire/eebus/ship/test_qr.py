"""Texts of QR codes (guide 14; the values are those of the SHIP Pairing Service, annex A.1)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargebridge.wire.eebus.ship import RecordError
from chargebridge.wire.eebus.ship.qr import ShipCode, from_text, to_text

SKI = "a80556a243f57ca17b0d577a59b711b79eb4856c"
FINGERPRINT = "C74B7855D3479415F62CC01E5F6D9A93EBC676057D85417ADA16FD1384338943"
SECRET = "7A37DCF81BDB50F8E92CFA4160CCB3DE"
TEXT = (
    "SHIP;SKI:A805 56A2 43F5 7CA1 7B0D 577A 59B7 11B7 9EB4 856C;ID:i:983327_u:C8277H008F-3;BRAND:EXAMPLEBRAND;TYPE:EMS;"
    f"MODEL:EEB01devA814;SERIAL:C8277H008F-3;CAT:2;FPH256:{FINGERPRINT};SPSEC:{SECRET};ENDSHIP;"
)
CODE = ShipCode(
    ski=SKI,
    ship_id="i:983327_u:C8277H008F-3",
    brand="EXAMPLEBRAND",
    type="EMS",
    model="EEB01devA814",
    serial="C8277H008F-3",
    categories=(2,),
    fingerprints={"secp256r1": FINGERPRINT},
    secret=bytes.fromhex(SECRET),
)


def test_the_code_of_the_annex() -> None:
    assert to_text(CODE) == TEXT
    assert from_text(TEXT) == CODE


def test_the_plain_code_has_no_secret() -> None:
    plain = to_text(ShipCode(SKI, "Acme-1", categories=(1, 2)))
    assert plain == "SHIP;SKI:A805 56A2 43F5 7CA1 7B0D 577A 59B7 11B7 9EB4 856C;ID:Acme-1;CAT:1,2;ENDSHIP;"
    assert from_text(plain) == ShipCode(SKI, "Acme-1", categories=(1, 2))


def test_a_secret_never_shows_in_a_repr_or_an_error() -> None:
    assert SECRET not in repr(CODE).upper()
    assert str(CODE.secret) not in repr(CODE)
    with pytest.raises(RecordError) as caught:
        from_text(TEXT.replace(SECRET, SECRET[:-1]))
    assert SECRET[:8] not in str(caught.value)


def test_certificates_on_other_curves() -> None:
    code = from_text(TEXT.replace(";SPSEC", f";BFPH256:{'A' * 64};B2FPH256:{'b' * 64};SPSEC").replace(";ENDSHIP;", ";NEW:1;ENDSHIP"))
    assert code.fingerprints == {"secp256r1": FINGERPRINT, "brainpoolP256r1": "A" * 64, "brainpoolP384r1": "B" * 64}


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("", "QR code"),
        (TEXT.removeprefix("SHIP;"), "QR code"),
        (TEXT.removesuffix("ENDSHIP;"), "QR code"),
        ("SHIP;ENDSHIP;", "SKI"),
        (TEXT.replace("856C", "856"), "SKI"),
        (TEXT.replace("FPH256:C", "FPH256:"), "fingerprint"),
        (TEXT.replace("CAT:2", "CAT"), "CAT"),
        (TEXT.replace("CAT:2", "ID:2"), "ID"),
        (TEXT.replace(SECRET, "zz" * 16), "SPSEC"),
        (TEXT.replace(SECRET, "00" * 65), "SPSEC"),
        ("SHIP;" * 500, "QR code"),
    ],
)
def test_errors_say_where(text: str, position: str) -> None:
    with pytest.raises(RecordError) as caught:
        from_text(text)
    assert (caught.value.position, bool(caught.value.cure)) == (position, True)


def test_a_semicolon_cannot_be_in_a_code() -> None:
    with pytest.raises(RecordError, match="BRAND: a semicolon"):
        to_text(ShipCode(SKI, "Acme-1", brand="Acme;SPSEC:00"))


@given(
    st.text(max_size=40).map(lambda text: f"SHIP;{text};ENDSHIP;")
    | st.integers(0, len(TEXT)).map(lambda place: TEXT[:place] + TEXT[place + 1 :])
)
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        code = from_text(text)
    except RecordError as error:
        assert error.reason  # noqa: PT017
    else:
        assert from_text(to_text(code)) == code
