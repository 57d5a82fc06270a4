"""Enciphered APDUs: general-glo-ciphering (DB) and general-ded-ciphering (DC) under DLMS security suite 0 (Green Book clauses 9.2.7 and 9.5).

``tag 1 | length and system title 0 or 8 | length | security control 1 | invocation counter 4 | content | tag 12, if authenticated``. AES-128-GCM; the
nonce is system title and counter; what is authenticated besides the content is security control and authentication key. Security control: bits
0-3 suite, 4 authenticated, 5 enciphered, 6 broadcast key, 7 compressed. Meters of Tyrol and Vorarlberg write suite 1 and do as suite 0 says;
under suite 1 a general-glo-ciphered APDU differs in nothing but the key agreement.

Both ciphers are set up once: the content is deciphered in counter mode (GCM without its tag is that, from block 2 on), and the tag is made anew and
compared. That takes a third of the time of a fresh GCM cipher for each telegram.
"""

import re
from hmac import compare_digest

from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec import Struct

from chargebridge.wire.meter.counters import Counters
from chargebridge.wire.meter.options import DecoderOptions
from chargebridge.wire.meter.telegram import ContentError, ErrorKind

GLO, DED, GENERAL, SIGNED = 0xDB, 0xDC, 0xDD, 0xDF
ENCIPHERED = frozenset((GLO, DED, GENERAL, SIGNED))
"""Tags of protected APDUs; of these, the first two can be read."""
TITLE_SIZE = 8
TAG_SIZE = 12
AUTHENTICATED, CIPHERED, BROADCAST, COMPRESSED = 0x10, 0x20, 0x40, 0x80
P1_AUTHENTICATION_KEY = bytes.fromhex("00112233445566778899AABBCCDDEEFF")
"""The same in all meters of Luxembourg, Steiermark and Graz, and published (Luxmetering "E-meter P1 specification" clause 3.2.5)."""
_SUITES = (0, 1)
_HEAD_SIZE = 5
_FIRST_BLOCK = b"\0\0\0\2"
_AFTER_INVOKE_ID = (b"\x0c\x07", b"\x0c\xff", b"\x09\x0c", b"\0\x01", b"\0\x02")
"""A date-time of this century or an unspecified one, a tagged one, or none before an array or a structure."""
_SERIAL_IN_TITLE = b"KAM"
_P1_BEGIN = re.compile(rb"/[A-Za-z]{3}|\d-\d:\d")
_NO_KEY = "ask the grid operator for this meter's key and name it by key_file or key_env"
_WRONG_KEY = "check key_file or key_env, digit by digit; a new meter has a new key"
_WRONG_AUTHENTICATION = "check auth_key_file or auth_key_env; if it is right, somebody changes telegrams on their way"
_PLAIN = "take the keys out of the settings if this meter does not encipher; otherwise somebody puts telegrams into the line"
_UNTAGGED = "take auth_key out of the settings if this meter does not authenticate; otherwise somebody puts telegrams into the line"


class SecurityError(Exception):
    """Why an APDU cannot be opened; becomes a ``DecodeError`` before it leaves ``feed``. cure: None for the usual one of its kind."""

    def __init__(self, kind: ErrorKind, reason: str, cure: str | None = None) -> None:
        super().__init__(reason)
        self.kind, self.reason, self.cure = kind, reason, cure


class Sealed(Struct, frozen=True, gc=False):
    """The parts of an enciphered APDU. content: with its tag, if it has one. size: of the whole APDU, bytes."""

    title: bytes
    control: int
    counter: int
    content: bytes
    size: int


class Opened(Struct, frozen=True, gc=False):
    """What was inside. authenticated: the tag is right; False if there was none, or no key to check it with."""

    title: bytes
    counter: int
    plaintext: bytes
    authenticated: bool


def parse(data: bytes, at: int = 0) -> Sealed:
    """Take an APDU apart from its tag on; bytes may follow it. Raises ``ContentError``."""
    if at >= len(data) or data[at] not in (GLO, DED):
        raise ContentError(at, "no general-glo-ciphering (db) stands here")
    return parse_title(data, at + 1, at)


def parse_title(data: bytes, at: int, start: int) -> Sealed:
    """The same from the system title on; ``start``: where the whole begins."""
    title_size = data[at] if at < len(data) else -1
    if title_size not in (0, TITLE_SIZE):
        raise ContentError(at, "a system title has eight bytes")
    at += 1 + title_size
    length, begin = _length(data, at)
    end = begin + length
    if length < _HEAD_SIZE or end > len(data):
        raise ContentError(at, f"{length} enciphered bytes cannot be in {len(data) - begin}")
    counter = int.from_bytes(data[begin + 1 : begin + _HEAD_SIZE], "big")
    return Sealed(data[at - title_size : at], data[begin], counter, data[begin + _HEAD_SIZE : end], end - start)


def extent(data: bytes, at: int, start: int) -> int:
    """Bytes of an enciphered APDU whose system title stands at ``at`` and that begins at ``start``; 0 as long as too little of it is there.

    Raises ``ContentError`` where none can begin.
    """
    begin = at + 1 + (data[at] if at < len(data) else TITLE_SIZE)
    if begin >= len(data):
        return 0
    width = data[begin] & 0x7F if data[begin] >= 0x80 else 0
    if width > 2:
        raise ContentError(begin, "the length of the enciphered part cannot be")
    if begin + width + 1 >= len(data):
        return 0
    length, content = _length(data, begin)
    control = data[content]
    if length < _HEAD_SIZE or control & 0x0F not in _SUITES or control & COMPRESSED or not control & (AUTHENTICATED | CIPHERED):
        raise ContentError(begin, "no enciphered part begins here")
    return content + length - start


def _length(data: bytes, at: int) -> tuple[int, int]:
    """A length as in BER, with leading zeros allowed, and the index behind it."""
    first = data[at] if at < len(data) else 0xFF
    width = first & 0x7F if first >= 0x80 else 0
    if width > 4 or at + width >= len(data):
        raise ContentError(at, "the length of the enciphered part cannot be")
    return (int.from_bytes(data[at + 1 : at + 1 + width], "big") if width else first), at + 1 + width


def name_of(title: bytes) -> str:
    """A system title as a person can find it on the meter: the maker's letters and the rest; Kamstrup's ends with the serial number."""
    if not title:
        return "without system title"
    text = title[:3].decode("ascii") if title[:3].isalpha() else "?"
    number = f", serial number {int.from_bytes(title[4:], 'big')}" if title.startswith(_SERIAL_IN_TITLE) else ""
    return f"{text} (system title {title.hex().upper()}{number})"


class Security:
    """Opens what one meter enciphers. Keeps the ciphers, and the counters unless ``options`` brings its own."""

    def __init__(self, options: DecoderOptions) -> None:
        self._authentication_key = options.authentication_key
        self._counters = options.counters or Counters()
        self._ciphers: tuple[CipherContext, AESGCM] | None = None
        if options.key is not None:
            self._ciphers = Cipher(algorithms.AES128(options.key), modes.CTR(bytes(16))).encryptor(), AESGCM(options.key)

    def refuse_plain(self) -> None:
        """Who tells a key expects enciphered telegrams: others are not the meter's. Raises ``SecurityError``."""
        if self._ciphers is not None:
            raise SecurityError(ErrorKind.KEY, "the telegram is not enciphered, although a key is told", _PLAIN)

    def open(self, sealed: Sealed) -> Opened:
        """Decipher and check. Raises ``SecurityError``. The counter is only remembered by ``accept``."""
        control, title = sealed.control, sealed.title
        if control & COMPRESSED or control & 0x0F not in _SUITES:
            raise SecurityError(ErrorKind.UNSUPPORTED, f"security control {control:02x} asks for another suite or for compression")
        if self._ciphers is None:
            raise SecurityError(ErrorKind.KEY, f"enciphered by meter {name_of(title)}, and no key is told", _NO_KEY)
        if not self._counters.grows(title, sealed.counter):
            raise SecurityError(ErrorKind.REPLAY, f"counter {sealed.counter} of meter {name_of(title)} was there before")
        content, tag = sealed.content, b""
        if control & AUTHENTICATED:
            if len(content) < TAG_SIZE:
                raise SecurityError(ErrorKind.CONTENT, "the enciphered part is too short for its tag")
            content, tag = content[:-TAG_SIZE], content[-TAG_SIZE:]
        elif self._authentication_key is not None:
            raise SecurityError(ErrorKind.KEY, "the telegram carries no tag, although an authentication key is told", _UNTAGGED)
        stream, gcm = self._ciphers
        nonce = title.ljust(TITLE_SIZE, b"\0") + sealed.counter.to_bytes(4, "big")
        plaintext = content
        if control & CIPHERED:
            stream.reset_nonce(nonce + _FIRST_BLOCK)
            plaintext = stream.update(content)
        authenticated = False
        key = self._authentication_key or (P1_AUTHENTICATION_KEY if looks_like_p1(plaintext) else None)
        if tag and key is not None:
            head = bytes((control,)) + key
            made = gcm.encrypt(nonce, plaintext, head) if control & CIPHERED else gcm.encrypt(nonce, b"", head + plaintext)
            if not compare_digest(made[-16:-4], tag):
                raise _tag_error(plaintext, title)
            authenticated = True
        return Opened(title, sealed.counter, plaintext, authenticated)

    def accept(self, opened: Opened) -> None:
        """The content made sense: its counter counts from now on."""
        self._counters.accept(opened.title, opened.counter)


def wrong_key(title: bytes) -> SecurityError:
    """What is told when a deciphered content makes no sense."""
    return SecurityError(ErrorKind.KEY, f"the key does not fit meter {name_of(title)}", _WRONG_KEY)


def _tag_error(plaintext: bytes, title: bytes) -> SecurityError:
    """A tag does not fit if either key is wrong; content that reads on shows that the first is right."""
    if looks_like_content(plaintext):
        reason = f"the key fits meter {name_of(title)}, its tag does not: another authentication key, or a changed telegram"
        return SecurityError(ErrorKind.KEY, reason, _WRONG_AUTHENTICATION)
    return wrong_key(title)


def looks_like_content(plaintext: bytes) -> bool:
    """The begin of a DataNotification or of a P1 telegram: what a wrong key makes has it once in a million telegrams."""
    return looks_like_p1(plaintext) or (plaintext[:1] == b"\x0f" and plaintext[5:7] in _AFTER_INVOKE_ID)


def looks_like_p1(plaintext: bytes) -> bool:
    """The begin of a P1 telegram, or of its objects where the identification line stands before them in clear."""
    return _P1_BEGIN.match(plaintext) is not None


def seal(plaintext: bytes, *, key: bytes, title: bytes, counter: int, authentication_key: bytes | None = None, suite: int = 0) -> bytes:
    """The other way round: the general-glo-ciphering APDU of ``plaintext``, authenticated where ``authentication_key`` is given."""
    control = bytes((suite | CIPHERED | (0 if authentication_key is None else AUTHENTICATED),))
    nonce = title.ljust(TITLE_SIZE, b"\0") + counter.to_bytes(4, "big")
    made = AESGCM(key).encrypt(nonce, plaintext, control + (authentication_key or b""))
    body = control + counter.to_bytes(4, "big") + (made[:-16] if authentication_key is None else made[:-4])
    return bytes((GLO, len(title))) + title + _length_bytes(len(body)) + body


def _length_bytes(length: int) -> bytes:
    if length < 0x80:
        return bytes((length,))
    return b"\x81" + bytes((length,)) if length < 0x100 else b"\x82" + length.to_bytes(2, "big")
