"""SHIP Pairing Service: a control box is trusted because it knows the secret of our QR code (chapters 7 to 11).

We are devA: we print the code and listen. The box, devZ, announces by mDNS, as `_shippairing._tcp`, that it wants to be trusted, with a digest that
only who knows the secret can reckon:

    digest = HMAC-SHA256(key = secret + nonce, message = "txtvers=1;parType=..;...;alg=hmacSha256;")

A digest is good once: those that were accepted are remembered, over restarts too. One control unit is trusted at a time; another may take its place
when it has been away for 15 minutes.
"""

import hashlib
import hmac
from collections.abc import Mapping

from msgspec import Struct

from chargebridge.wire.eebus.ship.errors import CertificateError, RecordError
from chargebridge.wire.eebus.ship.identity import CURVES, normal_fingerprint
from chargebridge.wire.eebus.ship.mdns import bounded, plain

SERVICE = "_shippairing._tcp.local."
ADD_CONTROL_UNIT = "addCu"
ALGORITHM = "hmacSha256"
NONCE_BYTES = 16
REMEMBERED = 10  # the least that chapter 11 asks for
REPLACED_AFTER_S = 15 * 60.0

_KEYS = {
    "txtvers": "txtvers",
    "parType": "par_type",
    "forId": "for_id",
    "forPar": "for_par",
    "trustId": "trust_id",
    "trustPar": "trust_par",
    "trustCurve": "trust_curve",
    "type": "type",
    "trustNonce": "trust_nonce",
    "alg": "alg",
}
"""In the order of the message that the digest is made over."""


class Announcement(Struct, frozen=True):
    """Texts exactly as they came, for the digest is made over them. for_: of devA, whose trust is wanted. trust_: of devZ, who is to be trusted."""

    for_id: str
    for_par: str
    trust_id: str
    trust_par: str
    trust_nonce: str
    digest: str = ""
    trust_curve: str = CURVES[0]
    txtvers: str = "1"
    par_type: str = "fpSha256"
    type: str = ADD_CONTROL_UNIT
    alg: str = ALGORITHM


class Trust(Struct, frozen=True):
    """The outcome: trust this certificate. Its SKI is learned in the TLS handshake."""

    ship_id: str
    fingerprint: str
    curve: str


def from_txt(entries: Mapping[bytes, bytes | None]) -> Announcement:
    """Raises RecordError: such an announcement is to be ignored."""
    txt = plain(entries)
    for key in (*_KEYS, "digest"):
        if not txt.get(key.lower()):
            raise RecordError(key, "there is none", "ignore it")
    return Announcement(**{field: txt[key.lower()] for key, field in _KEYS.items()}, digest=txt["digest"])


def to_txt(announcement: Announcement) -> dict[str, str]:
    return bounded({key: getattr(announcement, field) for key, field in _KEYS.items()} | {"digest": announcement.digest})


def message_of(announcement: Announcement) -> bytes:
    """What the digest is made over."""
    return "".join(f"{key}={getattr(announcement, field)};" for key, field in _KEYS.items()).encode()


def digest_of(secret: bytes, announcement: Announcement) -> str:
    """64 hexadecimal digits in capitals. Raises RecordError for a nonce that is not 16 bytes."""
    try:
        nonce = bytes.fromhex(announcement.trust_nonce)
    except ValueError:
        nonce = b""
    if len(nonce) != NONCE_BYTES:
        raise RecordError("trustNonce", f"not {2 * NONCE_BYTES} hexadecimal digits", "announce again with a fresh nonce")
    return hmac.new(secret + nonce, message_of(announcement), hashlib.sha256).hexdigest().upper()


def judge(announcement: Announcement, secret: bytes, own_id: str, own_fingerprint: str, accepted: tuple[str, ...] = ()) -> Trust:
    """Whom to trust, if the announcement is for us, understood, genuine and new. Raises RecordError.

    accepted: the digests accepted before, as `remember` gives them. Keep that of this one before acting upon the trust.
    """
    wrong = "ignore it"
    if announcement.txtvers != "1" or announcement.par_type != "fpSha256" or announcement.alg != ALGORITHM:
        raise RecordError("txtvers, parType, alg", "not 1, fpSha256, hmacSha256", wrong)
    if announcement.type != ADD_CONTROL_UNIT:
        raise RecordError("type", f"{announcement.type[:20]!r}, and only {ADD_CONTROL_UNIT} is known", wrong)
    if announcement.trust_curve not in CURVES:
        raise RecordError("trustCurve", f"{announcement.trust_curve[:20]!r}, not one of {', '.join(CURVES)}", wrong)
    try:
        for_fingerprint, trust_fingerprint = normal_fingerprint(announcement.for_par), normal_fingerprint(announcement.trust_par)
    except CertificateError as error:
        raise RecordError("forPar, trustPar", error.reason, wrong) from None
    if announcement.for_id != own_id or for_fingerprint != own_fingerprint:
        raise RecordError("forId, forPar", "of another node", wrong)
    if not hmac.compare_digest(digest_of(secret, announcement).encode(), announcement.digest.upper().encode()):
        raise RecordError(
            "digest", "made with another secret, or the record was changed", "scan this node's QR code again on the control box"
        )
    if announcement.digest.upper() in accepted:
        raise RecordError("digest", "was accepted before: somebody plays back an old announcement", "announce again with a fresh nonce")
    return Trust(announcement.trust_id, trust_fingerprint, announcement.trust_curve)


def remember(accepted: tuple[str, ...], digest: str) -> tuple[str, ...]:
    """The digests to keep, oldest first."""
    return (*accepted, digest.upper())[-REMEMBERED:]


def may_replace(away_s: float | None) -> bool:
    """Whether another control unit may take the place of the trusted one. away_s: for how long it has not been connected; None while it is."""
    return away_s is not None and away_s >= REPLACED_AFTER_S
