"""What a customer sees of his file: sessions, verdicts, whose key; and the command that shows it."""

import json
import subprocess
import sys
from pathlib import Path

from tests import signed_samples as samples
from tests.signed_samples import BEGIN, ocmf, payload, reading

from chargebridge.calibration.transparency import check_file
from chargebridge.calibration.verdict import Code, Outcome
from chargebridge.wire.signed.container import ContainedValue, write_safe_xml

KEY = samples.public()
PAIR = (ocmf(payload(reading("B", "1"), PG="T1")), ocmf(payload(reading("E", "2", BEGIN), PG="T2")))


def safe_xml(*values: bytes, key: str | None = KEY.spki().hex()) -> bytes:
    return write_safe_xml(ContainedValue(data, key, "7", "Transaction.Begin") for data in values)


def test_the_values_of_a_transaction_are_one_session() -> None:
    (session,) = check_file(safe_xml(*PAIR))
    assert session.transaction == "7"
    assert session.verdict.outcome is Outcome.VALID
    assert session.verdict.energy_wh == 1000
    assert not session.origin.proven, "whoever writes the file may have written the key"


def test_a_given_or_registered_key_goes_before_that_of_the_file() -> None:
    stranger = safe_xml(*PAIR, key=samples.public(samples.ec.derive_private_key(5, samples.ec.SECP256R1())).spki().hex())
    assert check_file(stranger)[0].verdict.outcome is Outcome.INVALID
    for checked in (check_file(stranger, KEY), check_file(stranger, registered=lambda record: KEY if record.meter == "M1" else None)):
        assert checked[0].verdict.outcome is Outcome.VALID
        assert checked[0].origin.proven


def test_one_bad_value_costs_itself() -> None:
    broken = (
        safe_xml(samples.session(), samples.session()).replace(b"<signedData", b"<sigData", 1).replace(b"</signedData>", b"</sigData>", 1)
    )
    whole = b"\n".join([samples.session(), b"OCMF|{}|{}"])
    assert [session.verdict.outcome for session in check_file(whole, KEY)] == [Outcome.VALID, Outcome.MALFORMED]
    done = run_on(broken)
    assert done.returncode == 1
    assert "there is no <signedData>" in json.loads(done.stdout)["reason"]


def test_a_key_that_is_none_is_said_to_be_none() -> None:
    (session,) = check_file(safe_xml(samples.session(), key="00" * 64))
    assert session.verdict.findings[0].code is Code.KEY_REFUSED
    assert session.verdict.outcome is Outcome.UNDECIDABLE


def run_on(data: bytes, *words: str, folder: Path | None = None) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", "from chargebridge.app.cli import main; main()", "verify", "/dev/stdin", "--json", *words]
    return subprocess.run(command, input=data.decode(), capture_output=True, text=True, timeout=60, check=False)


def test_the_command_says_the_same_as_json() -> None:
    done = run_on(safe_xml(*PAIR), "--key", KEY.spki().hex())
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["outcome"], told["energy_wh"], told["energy_billable"]) == ("valid", "1000.0", True)
    assert told["key_sha256"] == KEY.fingerprint()
    refused = run_on(b"nothing of the kind")
    assert refused.returncode == 1
    assert "no known format" in json.loads(refused.stdout)["findings"][0]["text"]
