"""Records and keys in the envelopes that stations put around them."""

import base64
import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.signed_samples import public, session

from chargebridge.wire.signed import formats
from chargebridge.wire.signed.envelope import Envelope, key_from, unwrap, wrap_oca
from chargebridge.wire.signed.errors import SignedFormatError

RECORD = session().decode()
CODED = base64.b64encode(session()).decode()
KEY = public().spki()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (RECORD, Envelope(RECORD)),
        (CODED, Envelope(CODED)),
        (json.dumps({"signedMeterValue": RECORD, "encodingMethod": "OCMF", "publicKey": "3059"}), Envelope(RECORD, "", "OCMF", "3059")),
        (
            json.dumps({"signedMeterData": CODED, "signingMethod": "", "encodingMethod": "OCMF", "publicKey": "", "customData": {"a": 1}}),
            Envelope(CODED, "", "OCMF", ""),
        ),
    ],
)
def test_a_record_comes_out_of_its_envelope(text: str, expected: Envelope) -> None:
    assert unwrap(text) == expected
    assert formats.read(unwrap(text).data)[0].meter == "M1"


@pytest.mark.parametrize("text", ['{"signedMeterValue": 5}', "{}", "{", '{"publicKey": "30"}'])
def test_an_object_without_a_record_is_refused(text: str) -> None:
    with pytest.raises(SignedFormatError, match="JSON"):
        unwrap(text)


@pytest.mark.parametrize(
    "text",
    [
        wrap_oca(public()),
        f"oca:base16:asn1:{KEY.hex()}",
        KEY.hex(),
        base64.b64encode(KEY).decode(),
        base64.b64encode(KEY.hex().encode()).decode(),
        " ".join(KEY.hex()[at : at + 4] for at in range(0, len(KEY.hex()), 4)),
    ],
)
def test_a_key_is_read_in_all_the_forms_in_which_stations_tell_it(text: str) -> None:
    assert key_from(text).same(public())


@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda data: base64.b64encode(data).decode()))
def test_whatever_a_station_sends_is_read_or_refused_in_words(text: str) -> None:
    for read in (unwrap, key_from):
        with contextlib.suppress(SignedFormatError):
            read(text)
