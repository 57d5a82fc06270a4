"""A small certificate authority as there are for contracts, vehicles and V2G stations; it knows what it has issued and revoked."""

from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

BEFORE, AFTER = timedelta(days=400), timedelta(days=9000)


class Issuer:
    """A root, or with ``above`` a sub-authority. ocsp, crl: URLs that stand in what it issues. issued: serial numbers; revoked: when."""

    def __init__(self, name: str, now: datetime, above: "Issuer | None" = None, *, ocsp: str | None = None, crl: str | None = None) -> None:
        self.now = now
        self.ocsp, self.crl = ocsp, crl
        self.issued: set[int] = set()
        self.revoked: dict[int, datetime] = {}
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = (above or self)._sign(name, self.key.public_key(), issuer=None if above else name, authority=True)
        self._delegate: tuple[x509.Certificate, ec.EllipticCurvePrivateKey] | None = None

    def issue(self, name: str, *, ends_at: datetime | None = None, organisation: str | None = None) -> "tuple[x509.Certificate, str]":
        """A leaf, and its key in PEM."""
        key = ec.generate_private_key(ec.SECP256R1())
        made = self._sign(name, key.public_key(), ends_at=ends_at, organisation=organisation)
        pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        return made, pem.decode()

    @property
    def delegate(self) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
        """Who answers OCSP requests for it (RFC 6960 4.2.2.2)."""
        if self._delegate is None:
            key = ec.generate_private_key(ec.SECP256R1())
            self._delegate = self._sign("responder", key.public_key(), responder=True), key
        return self._delegate

    def revocation_list(self) -> x509.CertificateRevocationList:
        builder = x509.CertificateRevocationListBuilder().issuer_name(self.certificate.subject).last_update(self.now)
        builder = builder.next_update(self.now + timedelta(days=7))
        for serial, at in self.revoked.items():
            revoked = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(at).build()
            builder = builder.add_revoked_certificate(revoked)
        return builder.sign(self.key, hashes.SHA256())

    def revoke(self, certificate: x509.Certificate) -> None:
        self.revoked[certificate.serial_number] = self.now - timedelta(days=1)

    def _sign(
        self,
        name: str,
        key: ec.EllipticCurvePublicKey,
        *,
        issuer: str | None = None,
        authority: bool = False,
        responder: bool = False,
        ends_at: datetime | None = None,
        organisation: str | None = None,
    ) -> x509.Certificate:
        """issuer: the name of a root that is about to sign itself."""
        builder = (
            x509.CertificateBuilder()
            .subject_name(_name(name, organisation))
            .issuer_name(_name(issuer, None) if issuer else self.certificate.subject)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(self.now - BEFORE)
            .not_valid_after(ends_at or self.now + AFTER)
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        )
        if responder:
            builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING]), critical=False)
        if self.ocsp is not None:
            place = x509.AccessDescription(AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier(self.ocsp))
            builder = builder.add_extension(x509.AuthorityInformationAccess([place]), critical=False)
        if self.crl is not None:
            point = x509.DistributionPoint([x509.UniformResourceIdentifier(self.crl)], None, None, None)
            builder = builder.add_extension(x509.CRLDistributionPoints([point]), critical=False)
        made = builder.sign(self.key, hashes.SHA256())
        self.issued.add(made.serial_number)
        return made


def _name(common: str, organisation: str | None) -> x509.Name:
    names = [x509.NameAttribute(NameOID.COMMON_NAME, common)]
    if organisation is not None:
        names.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation))
    return x509.Name(names)


def pem(*certificates: x509.Certificate) -> str:
    return "".join(one.public_bytes(serialization.Encoding.PEM).decode() for one in certificates)
