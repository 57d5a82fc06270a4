"""Our CA: what it issues, what it refuses to sign, what it revokes, and how its files are kept."""

import stat
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from security_kit import OPERATOR, signing_request

from chargebridge.model.errors import ChargebridgeError
from chargebridge.sim.world.clock import WallClock
from chargebridge.stations.ocpp.pki import Authority, common_name, organisation, serial_of
from chargebridge.stations.ocpp.pki_files import AuthorityError
from chargebridge.stations.ocpp.pki_requests import RequestRefusedError, read_request

NOW = WallClock().now()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.create(tmp_path_factory.mktemp("ca") / "ca", OPERATOR, NOW)


def test_secrets_are_the_owners_alone(authority: Authority) -> None:
    for name in ("root.key", "intermediate.key"):
        assert stat.S_IMODE((authority.folder / name).stat().st_mode) == 0o600
    assert stat.S_IMODE(authority.folder.stat().st_mode) == 0o700


def test_a_key_that_others_can_read_is_not_used(tmp_path: Path) -> None:
    ca = Authority.create(tmp_path / "ca", OPERATOR, NOW)
    (ca.folder / "intermediate.key").chmod(0o644)
    with pytest.raises(AuthorityError, match="read by others"):
        ca.issue_station("CP-1", ec.generate_private_key(ec.SECP256R1()).public_key(), NOW)


def test_a_passphrase_enciphers_the_keys(tmp_path: Path) -> None:
    Authority.create(tmp_path / "ca", OPERATOR, NOW, passphrase="open sesame")
    assert b"ENCRYPTED" in (tmp_path / "ca" / "root.key").read_bytes()
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    Authority(tmp_path / "ca", "open sesame").issue_station("CP-1", key, NOW)
    with pytest.raises(AuthorityError, match="cannot be used"):
        Authority(tmp_path / "ca").issue_station("CP-1", key, NOW)


def test_a_ca_is_not_made_twice(authority: Authority) -> None:
    with pytest.raises(AuthorityError, match="holds a CA already"):
        Authority.create(authority.folder, OPERATOR, NOW)


@pytest.mark.ocpp("2.0.1", "A00.FR.501", "A00.FR.505", "A00.FR.506", "A00.FR.508", "A00.FR.509", "A00.FR.511", "A00.FR.512")
def test_what_a_stations_certificate_says(authority: Authority) -> None:
    made = authority.issue_station("CP-1", ec.generate_private_key(ec.SECP256R1()).public_key(), NOW)
    assert (common_name(made), organisation(made)) == ("CP-1", OPERATOR)
    assert isinstance(made.signature_hash_algorithm, hashes.SHA256)
    usage = made.extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.digital_signature
    assert not usage.key_cert_sign
    assert list(made.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    made.verify_directly_issued_by(authority.intermediate)
    authority.intermediate.verify_directly_issued_by(authority.root)
    assert len(serial_of(made)) <= 40, "CertificateHashDataType, serialNumber"
    assert len(authority.chain(made)) < 10_000, "CertificateSigned, certificateChain"


@pytest.mark.ocpp("2.0.1", "A00.FR.510")
def test_what_a_servers_certificate_says(authority: Authority) -> None:
    made = authority.issue_server(["csms.example", "192.0.2.7"], rsa.generate_private_key(65537, 2048).public_key(), NOW)
    assert common_name(made) == "csms.example"
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["csms.example"]
    assert [str(ip) for ip in names.get_values_for_type(x509.IPAddress)] == ["192.0.2.7"]


@pytest.mark.ocpp("2.0.1", "A00.FR.427")
def test_two_stations_do_not_share_a_key(authority: Authority) -> None:
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    authority.issue_station("A", key, NOW)
    authority.issue_station("A", key, NOW)
    with pytest.raises(AuthorityError, match="that of A"):
        authority.issue_station("B", key, NOW)


def two_names() -> str:
    names = [x509.NameAttribute(NameOID.COMMON_NAME, name) for name in ("CP-1", "CP-2")]
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(names))
    request = builder.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    return request.public_bytes(serialization.Encoding.PEM).decode()


def forged() -> str:
    """Signed by another key than it carries: one letter of its key is another one."""
    lines = signing_request("CP-1", rsa.generate_private_key(65537, 2048)).splitlines()
    lines[5] = lines[5][:10] + ("A" if lines[5][10] != "A" else "B") + lines[5][11:]
    return "\n".join(lines)


BAD: list[tuple[Any, str]] = [
    (lambda: "rubbish", "cannot be read"),
    (lambda: "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n", "cannot be read"),
    (lambda: signing_request("CP-1") + "x" * 6000, "longer than"),
    (lambda: signing_request("CP-2"), "names"),
    (two_names, "names"),
    (lambda: signing_request("CP-1", operator="Somebody"), "as O"),
    (lambda: signing_request("CP-1", rsa.generate_private_key(65537, 1024)), "1024 bits"),  # noqa: S505
    (lambda: signing_request("CP-1", ec.generate_private_key(ec.SECP192R1())), "secp192r1"),
    (lambda: signing_request("CP-1", ec.generate_private_key(ec.SECP256K1())), "secp256k1"),
    (lambda: signing_request("CP-1", rsa.generate_private_key(65537, 2048), hashed=hashes.SHA224()), "sha224"),
    (forged, "signed by its own key|cannot be read"),
]


@pytest.mark.ocpp("2.0.1", "A00.FR.502", "A00.FR.503", "A00.FR.504", "A02.FR.12", "A03.FR.12")
@pytest.mark.parametrize(("make", "reason"), BAD)
def test_requests_that_are_not_signed(make: Any, reason: str) -> None:
    with pytest.raises(RequestRefusedError, match=reason):
        read_request(make(), "CP-1", OPERATOR)


def test_a_key_of_another_kind_is_not_signed() -> None:
    names = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "CP-1")])
    request = x509.CertificateSigningRequestBuilder().subject_name(names).sign(ed25519.Ed25519PrivateKey.generate(), None)
    with pytest.raises(RequestRefusedError):
        read_request(request.public_bytes(serialization.Encoding.PEM).decode(), "CP-1", OPERATOR)


@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1(), ec.BrainpoolP256R1()])
def test_requests_that_are_signed(curve: ec.EllipticCurve) -> None:
    read_request(signing_request("CP-1", ec.generate_private_key(curve)), "CP-1", OPERATOR)
    read_request(signing_request("CP-1", ec.generate_private_key(curve), operator=None), "CP-1", OPERATOR)


@pytest.mark.ocpp("2.0.1", "A00.FR.511")
def test_a_name_that_looks_like_a_server_is_not_signed(authority: Authority) -> None:
    with pytest.raises(ChargebridgeError, match="names an address"):
        authority.issue_station("192.0.2.1", ec.generate_private_key(ec.SECP256R1()).public_key(), NOW)


def test_revocation_lasts_and_stands_in_the_crl(tmp_path: Path) -> None:
    ca = Authority.create(tmp_path / "ca", OPERATOR, NOW)
    made = ca.issue_station("CP-1", ec.generate_private_key(ec.SECP256R1()).public_key(), NOW)
    other = Authority(tmp_path / "ca")
    assert other.revoked() == {}
    ca.revoke(serial_of(made).lower(), "keyCompromise", NOW)
    ca.revoke(serial_of(made), "superseded", NOW)
    assert [entry.reason for entry in other.revoked().values()] == ["keyCompromise"], (
        "seen by one that was opened before, and not changed again"
    )
    crl = x509.load_pem_x509_crl((tmp_path / "ca" / "crl.pem").read_bytes())
    assert crl.is_signature_valid(ca.intermediate.public_key())  # type: ignore[arg-type]
    entry = crl.get_revoked_certificate_by_serial_number(made.serial_number)
    assert entry is not None
    assert [one.revoked is not None for one in ca.issued()] == [True]
    with pytest.raises(AuthorityError, match="was not issued here"):
        ca.revoke("ABC", "unspecified", NOW)


def test_a_new_intermediate_and_a_leaf_that_ends_with_it(tmp_path: Path) -> None:
    ca = Authority.create(tmp_path / "ca", OPERATOR, NOW)
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    late = ca.issue_station("CP-1", key, NOW + timedelta(days=3500))
    assert late.not_valid_after_utc == ca.intermediate.not_valid_after_utc
    ca.renew_intermediate(NOW + timedelta(days=3500))
    assert Authority(ca.folder).issue_station("CP-1", key, NOW + timedelta(days=3500)).not_valid_after_utc > late.not_valid_after_utc
    assert ca.trust.count("BEGIN CERTIFICATE") == 3


def test_without_the_roots_key_all_but_a_new_intermediate_goes_on(tmp_path: Path) -> None:
    ca = Authority.create(tmp_path / "ca", OPERATOR, NOW)
    (ca.folder / "root.key").rename(tmp_path / "safe.key")
    ca.issue_station("CP-1", ec.generate_private_key(ec.SECP256R1()).public_key(), NOW)
    with pytest.raises(AuthorityError, match="put the key back"):
        ca.renew_intermediate(NOW)
