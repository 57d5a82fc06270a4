"""Our certificate authority: a root, an intermediate that signs, and what it has issued and revoked, in one folder.

    root.pem, root.key                  the trust anchor that stations are given; its key is only needed to renew the intermediate
    intermediate.pem, intermediate.key  signs servers, stations and the CRL
    former/*.pem                        earlier intermediates, whose certificates still count
    issued/SERIAL.pem                   every certificate that was ever issued
    revoked.json, crl.pem               what does not count any more

Certificate properties after OCPP 2.0.1 part 2, A00.FR.501 to 512; the hierarchy after A00.FR.601.
"""

import ipaddress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal, Self

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from msgspec import Struct

from chargebridge.links.durable import write_file
from chargebridge.stations.ocpp.pki_files import AuthorityError, PrivateKey, make_key, only_writer, read_key, write_key
from chargebridge.stations.ocpp.pki_requests import StationKey, check_name, fingerprint

ROOT_DAYS, INTERMEDIATE_DAYS, CRL_DAYS = 7300, 3650, 30
SERVER_DAYS = 90  # fast expiration is how a server's certificate is revoked (A00.FR.701)
STATION_DAYS = 365
MAX_OPERATOR = 64  # X.520, ub-organization-name
CLOCK_MARGIN = timedelta(hours=1)  # a station whose clock is slow must not find its certificate too young

KeyKind = Literal["ec", "rsa"]
Reason = Literal["unspecified", "keyCompromise", "affiliationChanged", "superseded", "cessationOfOperation", "privilegeWithdrawn"]


class Revoked(Struct, frozen=True):
    """serial: hex. reason: RFC 5280 5.3.1."""

    serial: str
    at: datetime
    reason: Reason


class Issued(Struct, frozen=True, kw_only=True):
    """One certificate of ours. kind: "server", "station" or "intermediate"; name: its CN; key: fingerprint of its public key."""

    serial: str
    kind: str
    name: str
    begins_at: datetime
    expires_at: datetime
    key: str
    revoked: Revoked | None = None


def serial_of(certificate: x509.Certificate) -> str:
    """As everything here writes serial numbers: upper-case hex without leading zeros."""
    return f"{certificate.serial_number:X}"


def pem_of(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


class Authority:
    """See the module. operator: the organisation that stands as O in every certificate."""

    def __init__(self, folder: Path, passphrase: str | None = None) -> None:
        """Open an existing CA. Raises AuthorityError."""
        self.folder = folder
        self._passphrase = passphrase
        try:
            self.root = x509.load_pem_x509_certificate((folder / "root.pem").read_bytes())
            self.intermediate = x509.load_pem_x509_certificate((folder / "intermediate.pem").read_bytes())
        except (OSError, ValueError) as error:
            raise AuthorityError(str(folder), f"is no CA of ours ({error})", "make one with 'chargebridge ca create'") from error
        self.operator = str(self.root.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)[0].value)
        self._revoked: dict[str, Revoked] = {}
        self._revoked_stamp = (0, 0)
        self._known: dict[str, Issued] = {}  # by file name; a certificate never changes

    @classmethod
    def create(cls, folder: Path, operator: str, now: datetime, *, key: KeyKind = "ec", passphrase: str | None = None) -> Self:
        """Make root and intermediate. Raises AuthorityError when there is a CA already."""
        if (folder / "root.pem").exists() or (folder / "root.key").exists():
            raise AuthorityError(str(folder), "holds a CA already", "take another folder; a CA is not made twice")
        if not 0 < len(operator) <= MAX_OPERATOR:
            raise AuthorityError(str(folder), f"an operator's name has 1 to {MAX_OPERATOR} characters", "shorten it")
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for part in ("issued", "former"):
            (folder / part).mkdir(exist_ok=True)
        root_key = make_key(key)
        name = _name(operator, "charging root")
        root = _authority_certificate(name, name, root_key, root_key, now, ROOT_DAYS, None)
        write_key(folder / "root.key", root_key, passphrase)
        write_file(folder / "root.pem", pem_of(root).encode())
        _renew_intermediate(folder, root, root_key, operator, now, passphrase)
        made = cls(folder, passphrase)
        made.write_crl(now)
        return made

    # What stations and servers are given

    @property
    def trust(self) -> str:
        """Root and all intermediates in PEM: what the server checks stations' certificates against."""
        former = sorted((self.folder / "former").glob("*.pem"))
        return pem_of(self.root) + pem_of(self.intermediate) + "".join(path.read_text() for path in former)

    def chain(self, certificate: x509.Certificate) -> str:
        """The certificate and the intermediate that signed it, leaf first (CertificateSigned, certificateChain)."""
        return pem_of(certificate) + pem_of(self.intermediate)

    def issue_station(self, identity: str, key: StationKey, now: datetime, days: int = STATION_DAYS) -> x509.Certificate:
        """A client certificate with CN = identity. Raises AuthorityError when another station has this key (A00.FR.427)."""
        check_name(identity)
        mark = fingerprint(key)
        for other in self.issued():
            if other.key == mark and other.name != identity:
                raise AuthorityError(f"station {identity}", f"its key is that of {other.name}", "let the station make a new key")
        certificate = self._leaf(identity, key, now, days, ExtendedKeyUsageOID.CLIENT_AUTH, None)
        self._file(certificate)
        return certificate

    def issue_server(self, names: list[str], key: StationKey, now: datetime, days: int = SERVER_DAYS) -> x509.Certificate:
        """A server certificate; the first name is its CN, all are subject alternative names (DNS names or IP addresses)."""
        certificate = self._leaf(names[0], key, now, days, ExtendedKeyUsageOID.SERVER_AUTH, names)
        self._file(certificate)
        return certificate

    def again(self, pem: str, now: datetime) -> tuple[x509.Certificate, PrivateKey]:
        """A server certificate of ours once more, for the same names and as long, with a new key of the same kind."""
        old = x509.load_pem_x509_certificate(pem.encode())
        names = old.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        key = make_key("ec" if hasattr(old.public_key(), "curve") else "rsa")
        days = (old.not_valid_after_utc - old.not_valid_before_utc).days
        return self.issue_server([str(name.value) for name in names], key.public_key(), now, days), key

    def _file(self, certificate: x509.Certificate) -> None:
        write_file(self.folder / "issued" / f"{serial_of(certificate)}.pem", pem_of(certificate).encode())

    def _leaf(
        self, name: str, key: StationKey, now: datetime, days: int, use: x509.ObjectIdentifier, names: list[str] | None
    ) -> x509.Certificate:  # fmt: skip
        signer = read_key(self.folder / "intermediate.key", self._passphrase)
        ends = min(now + timedelta(days=days), self.intermediate.not_valid_after_utc)
        builder = (
            _builder(_name(self.operator, name), self.intermediate.subject, key, now, ends, signer)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(digital_signature=True, key_encipherment=not hasattr(key, "curve")), critical=True)
            .add_extension(x509.ExtendedKeyUsage([use]), critical=False)
        )
        if names is not None:
            builder = builder.add_extension(x509.SubjectAlternativeName([_alternative(n) for n in names]), critical=False)
        return builder.sign(signer, hashes.SHA256())

    # What does not count any more

    def revoke(self, serial: str, reason: Reason, now: datetime) -> None:
        """For ever. Raises AuthorityError when no such certificate was issued."""
        serial = serial.upper().lstrip("0")
        if not (self.folder / "issued" / f"{serial}.pem").exists():
            raise AuthorityError(f"certificate {serial}", "was not issued here", "'chargebridge ca list' shows the serial numbers")
        with only_writer(self.folder):
            known = self.revoked()
            if serial not in known:
                entries = [*known.values(), Revoked(serial, now, reason)]
                write_file(self.folder / "revoked.json", msgspec.json.encode(entries))
        self.write_crl(now)

    def revoked(self) -> dict[str, Revoked]:
        """By serial number; read anew when a command has changed it."""
        path = self.folder / "revoked.json"
        try:
            stat = path.stat()
        except FileNotFoundError:
            return {}
        stamp = (stat.st_mtime_ns, stat.st_ino)
        if stamp != self._revoked_stamp:
            self._revoked = {entry.serial: entry for entry in msgspec.json.decode(path.read_bytes(), type=list[Revoked])}
            self._revoked_stamp = stamp
        return self._revoked

    def write_crl(self, now: datetime) -> None:
        """crl.pem (RFC 5280), for others that check certificates of ours."""
        signer = read_key(self.folder / "intermediate.key", self._passphrase)
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.intermediate.subject)
            .last_update(now)
            .next_update(now + timedelta(days=CRL_DAYS))
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
            .add_extension(x509.CRLNumber(int(now.timestamp())), critical=False)
        )
        for entry in self.revoked().values():
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder()
                .serial_number(int(entry.serial, 16))
                .revocation_date(entry.at)
                .add_extension(x509.CRLReason(x509.ReasonFlags(entry.reason)), critical=False)
                .build()
            )
        crl = builder.sign(signer, hashes.SHA256())
        write_file(self.folder / "crl.pem", crl.public_bytes(serialization.Encoding.PEM))

    def issued(self) -> list[Issued]:
        """Everything that was issued, by the end of its validity."""
        revoked = self.revoked()
        found = []
        for path in (self.folder / "issued").glob("*.pem"):
            if path.name not in self._known:
                self._known[path.name] = _about(x509.load_pem_x509_certificate(path.read_bytes()))
            about = self._known[path.name]
            found.append(msgspec.structs.replace(about, revoked=revoked.get(about.serial)))
        return sorted(found, key=lambda one: one.expires_at)

    def renew_intermediate(self, now: datetime) -> None:
        """A new intermediate by the root's key, which has to be there. What the old one signed still counts. Raises AuthorityError."""
        root_key = read_key(self.folder / "root.key", self._passphrase)
        with only_writer(self.folder):
            write_file(self.folder / "former" / f"{serial_of(self.intermediate)}.pem", pem_of(self.intermediate).encode())
            self.intermediate = _renew_intermediate(self.folder, self.root, root_key, self.operator, now, self._passphrase)
        self.write_crl(now)


def _about(certificate: x509.Certificate) -> Issued:
    use = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    key = certificate.public_key()
    return Issued(
        serial=serial_of(certificate),
        kind="server" if ExtendedKeyUsageOID.SERVER_AUTH in use else "station",
        name=common_name(certificate) or "",
        begins_at=certificate.not_valid_before_utc,
        expires_at=certificate.not_valid_after_utc,
        key=fingerprint(key),  # type: ignore[arg-type]  # we issue for EC and RSA keys only
    )


def common_name(certificate: x509.Certificate) -> str | None:
    """The one CN of a certificate; None when it has none or several."""
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if len(names) == 1 else None


def organisation(certificate: x509.Certificate) -> str | None:
    names = certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    return str(names[0].value) if len(names) == 1 else None


def _renew_intermediate(
    folder: Path, root: x509.Certificate, root_key: PrivateKey, operator: str, now: datetime, passphrase: str | None
) -> x509.Certificate:  # fmt: skip
    key = make_key("rsa" if not hasattr(root_key, "curve") else "ec")
    name = _name(operator, f"charging CA {now:%Y-%m-%d %H:%M:%S}")
    made = _authority_certificate(name, root.subject, key, root_key, now, INTERMEDIATE_DAYS, 0)
    write_key(folder / "intermediate.key", key, passphrase)
    write_file(folder / "intermediate.pem", pem_of(made).encode())
    return made


def _authority_certificate(
    name: x509.Name, issuer: x509.Name, key: PrivateKey, signer: PrivateKey, now: datetime, days: int, path_length: int | None
) -> x509.Certificate:  # fmt: skip
    return (
        _builder(name, issuer, key.public_key(), now, now + timedelta(days=days), signer)
        .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        .add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
        .sign(signer, hashes.SHA256())
    )


def _builder(
    name: x509.Name, issuer: x509.Name, key: StationKey, now: datetime, ends: datetime, signer: PrivateKey
) -> x509.CertificateBuilder:  # fmt: skip
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_MARGIN)
        .not_valid_after(ends)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )


def _usage(**used: bool) -> x509.KeyUsage:
    every = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign",
             "crl_sign", "encipher_only", "decipher_only")  # fmt: skip
    return x509.KeyUsage(**{name: used.get(name, False) for name in every})


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _name(operator: str, name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, operator), x509.NameAttribute(NameOID.COMMON_NAME, name)])
