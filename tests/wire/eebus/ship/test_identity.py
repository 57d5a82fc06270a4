"""Keys, certificates, SKIs and fingerprints (guide 2)."""

import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st

from chargebridge.wire.eebus.ship import CertificateError
from chargebridge.wire.eebus.ship.identity import (
    Identity,
    fingerprint_of,
    load_identity,
    make_identity,
    normal_fingerprint,
    normal_ski,
    read_certificate,
    ski_of,
)

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)

KNOWN = {
    # The public keys of devA and devZ in the SHIP Pairing Service, annex A, and the SKIs of their certificates there.
    "04b0a3ab927c2f8ce7cefa2844bbd10823084cac9ada5e89ded645a2440d433156"
    "4aec0d64d2b94498254bd5704e33bff0725a08ad79d85fb882a8dde806e6ab48": "a80556a243f57ca17b0d577a59b711b79eb4856c",
    "0441e2a285ee0901d1da5ca7b6864d3dd89c05f6226e471379ada8acc33ae3e84a"
    "5f981b5f61a6e9aca35d49e13ea2c235f6a0e463af114f991dcf3ddd5300e5fb": "bde86517947393416bdc155b3338224323771517",
}


def der(identity: Identity) -> bytes:
    return x509.load_pem_x509_certificate(identity.certificate_pem).public_bytes(serialization.Encoding.DER)


def a_certificate(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, ski: bytes | None) -> bytes:
    name = x509.Name([])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW)
        .not_valid_after(NOW + timedelta(days=1))
    )
    if ski is not None:
        builder = builder.add_extension(x509.SubjectKeyIdentifier(ski), critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


@pytest.fixture(scope="module")
def identity() -> Identity:
    return make_identity("Hems-123", "Acme", NOW)


@pytest.mark.parametrize(("point", "ski"), KNOWN.items())
def test_the_ski_of_known_keys(point: str, ski: str) -> None:
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), bytes.fromhex(point))
    assert ski_of(key) == ski == hashlib.sha1(bytes.fromhex(point), usedforsecurity=False).hexdigest()


def test_a_certificate_of_ours(identity: Identity) -> None:
    certificate = x509.load_pem_x509_certificate(identity.certificate_pem)
    certificate.verify_directly_issued_by(certificate)
    key = certificate.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert isinstance(key.curve, ec.SECP256R1)
    assert isinstance(certificate.signature_hash_algorithm, hashes.SHA256)
    assert certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest.hex() == identity.ski
    constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    assert (constraints.critical, constraints.value.ca) == (True, True)
    assert certificate.extensions.get_extension_for_class(x509.KeyUsage).value.digital_signature
    assert certificate.subject.rfc4514_string() == "CN=Hems-123,O=Acme,C=DE"

    peer = read_certificate(der(identity))
    assert (peer.ski, peer.fingerprint) == (identity.ski, identity.fingerprint)
    assert (peer.curve, peer.common_name, peer.organization) == ("secp256r1", "Hems-123", "Acme")
    assert peer.not_before < NOW < NOW + timedelta(days=3649) < peer.not_after
    assert identity.fingerprint == hashlib.sha256(der(identity)).hexdigest().upper()


def test_identity_comes_back_from_a_backup_and_never_shows_its_key(identity: Identity) -> None:
    assert load_identity(identity.key_pem, identity.certificate_pem) == identity
    assert repr(identity) == f"Identity(ski={identity.ski!r})"


def test_two_are_never_the_same(identity: Identity) -> None:
    assert make_identity("Hems-123", "Acme", NOW).ski != identity.ski


def test_a_backup_of_two_halves_is_refused(identity: Identity) -> None:
    other = make_identity("Hems-123", "Acme", NOW)
    for key, certificate, reason in (
        (other.key_pem, identity.certificate_pem, "of another key"),
        (b"", identity.certificate_pem, "restore"),
        (identity.key_pem, identity.key_pem, "restore"),
    ):
        with pytest.raises(CertificateError, match=reason):
            load_identity(key, certificate)


@pytest.mark.parametrize(("name", "brand"), [("", "Acme"), ("x" * 65, "Acme"), ("Hems", "x" * 65)])
def test_names_that_do_not_fit(name: str, brand: str) -> None:
    with pytest.raises(CertificateError, match="1 to 64"):
        make_identity(name, brand, NOW)


@pytest.mark.parametrize("curve", [ec.BrainpoolP256R1(), ec.BrainpoolP384R1()])
def test_peers_with_brainpool_are_read(curve: ec.EllipticCurve) -> None:
    key = ec.generate_private_key(curve)
    assert read_certificate(a_certificate(key, bytes.fromhex(ski_of(key.public_key())))).curve == curve.name


def test_what_cannot_stand_for_a_node() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    other = ec.generate_private_key(ec.SECP384R1())
    unsafe = rsa.generate_private_key(65537, 1024)  # noqa: S505
    for wrong, position, reason in (
        (a_certificate(key, bytes(20)), "SubjectKeyIdentifier", "0000, while the key's is " + ski_of(key.public_key())),
        (a_certificate(key, b"\1"), "SubjectKeyIdentifier", "01, while"),
        (a_certificate(key, None), "SubjectKeyIdentifier", "there is none"),
        (a_certificate(unsafe, bytes(20)), "public key", "RSAPublicKey"),
        (a_certificate(other, bytes.fromhex(ski_of(other.public_key()))), "public key", "secp384r1"),
        (b"", "certificate", "cannot be read"),
        (bytes(20_000), "certificate", "20000 bytes"),
    ):
        with pytest.raises(CertificateError) as caught:
            read_certificate(wrong)
        assert reason in caught.value.reason
        assert (caught.value.position, bool(caught.value.cure)) == (position, True)


@given(st.integers(0, 400), st.integers(0, 255))
def test_a_changed_certificate_is_read_or_refused(identity: Identity, place: int, byte: int) -> None:
    whole = der(identity)
    try:
        peer = read_certificate(whole[:place] + bytes([byte]) + whole[place + 1 :])
    except CertificateError as error:
        assert error.reason  # noqa: PT017
    else:
        assert peer.ski == identity.ski


def test_skis_and_fingerprints_as_people_write_them() -> None:
    ski = "a80556a243f57ca17b0d577a59b711b79eb4856c"
    for text in (ski.upper(), "A805 56A2 43F5 7CA1 7B0D 577A 59B7 11B7 9EB4 856C", "a8:05-56A2 43F57ca17b0d577a59b711b79eb4856c\n"):
        assert normal_ski(text) == ski
    for text in ("", ski[:-1], ski + "0", "g" + ski[1:], "SKI" + ski):
        with pytest.raises(CertificateError, match="40 hexadecimal digits"):
            normal_ski(text)
    assert normal_fingerprint(fingerprint_of(b"x").lower()) == fingerprint_of(b"x")
    with pytest.raises(CertificateError, match="64 hexadecimal digits"):
        normal_fingerprint(ski)
