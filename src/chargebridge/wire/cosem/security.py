"""Suite 0 in an association (Green Book clause 9.2.7): APDUs enciphered under global keys, and the proofs of HLS mechanism 5 (GMAC).

``tag | length | security control 1 | frame counter 4 | content | tag 12``. What the two ends share is that no frame counter is ever used twice
under one key and title: ours comes from a ``FrameCounter``, which must outlive the process; the meter's has to grow.
"""

from hmac import compare_digest
from typing import Protocol

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec import Struct

from chargebridge.wire.cosem.errors import CosemError, ErrorKind
from chargebridge.wire.meter import security as suite
from chargebridge.wire.meter import telegram
from chargebridge.wire.meter.counters import Counters
from chargebridge.wire.meter.options import DecoderOptions

GLOBAL = {0x01: 0x21, 0x08: 0x28, 0x0E: 0x2E, 0xC0: 0xC8, 0xC3: 0xCB, 0xC4: 0xCC, 0xC7: 0xCF}
"""Tag of an APDU: its tag when it is enciphered under the global key."""
_PLAIN = {sealed: plain for plain, sealed in GLOBAL.items()}
EXCEPTION = 0xD8
CONTROL = suite.AUTHENTICATED | suite.CIPHERED
COUNTER_END = 1 << 32
_PROOF_SIZE = 5 + suite.TAG_SIZE
_KINDS = {telegram.ErrorKind.REPLAY: ErrorKind.REPLAY, telegram.ErrorKind.KEY: ErrorKind.KEY}


class FrameCounter(Protocol):
    """Hands out each number once, over all restarts."""

    def take(self) -> int:
        """The next frame counter. Raises ``CosemError`` when there is none."""
        ...


class Keys(Struct, frozen=True):
    """key: 16 bytes, the global unicast encryption key; authentication_key: 16 bytes; title: our own system title, 8 bytes."""

    key: bytes
    authentication_key: bytes
    title: bytes

    def __repr__(self) -> str:
        return f"Keys(title={self.title.hex()})"


class Security:
    """Seals what one end sends and opens what the other sends. Keep it over connections: it knows the last counter of the other end."""

    def __init__(self, keys: Keys, counter: FrameCounter) -> None:
        self._keys = keys
        self._counter = counter
        self._heard = Counters()
        options = DecoderOptions(key=keys.key, authentication_key=keys.authentication_key, counters=self._heard)
        self._opener = suite.Security(options)
        self._peer = b""
        self.last_heard = 0

    @property
    def title(self) -> bytes:
        return self._keys.title

    def meet(self, title: bytes | None) -> None:
        """The other end has told its title. Raises ``CosemError`` where it cannot be."""
        if title is None or len(title) != suite.TITLE_SIZE:
            raise CosemError(ErrorKind.ANSWER, "the meter tells no system title of eight bytes, without which nothing can be deciphered")
        if title == self._keys.title:
            raise CosemError(ErrorKind.KEY, "the meter has our own system title", "set another title= (16 hexadecimal digits)")
        self._peer = title

    def seal(self, apdu: bytes, *, general: bool = False) -> bytes:
        """Authenticated and enciphered, with a fresh frame counter; ``general``: as general-glo-ciphering, with our title inside."""
        keys = self._keys
        sealed = suite.seal(apdu, key=keys.key, title=keys.title, counter=self._take(), authentication_key=keys.authentication_key)
        return sealed if general else bytes((GLOBAL[apdu[0]],)) + sealed[2 + suite.TITLE_SIZE :]

    def open(self, apdu: bytes) -> bytes:
        """What was sealed; an exception response comes as it is. Raises ``CosemError``: nothing that is not authenticated is taken."""
        tag = apdu[0] if apdu else 0
        if tag == EXCEPTION:
            return apdu
        try:
            if tag == suite.GLO:
                sealed = suite.parse(apdu)
            elif tag in _PLAIN:
                sealed = suite.parse_title(bytes((suite.TITLE_SIZE,)) + self._peer + apdu[1:], 0, 0)
            else:
                raise CosemError(ErrorKind.KEY, f"an answer with tag {tag:02x} is not enciphered, although the association is")
            plain = self._open(sealed)
        except telegram.ContentError as problem:
            raise CosemError(ErrorKind.ANSWER, f"{apdu.hex()[:80]} is no enciphered APDU: {problem.reason}") from None
        if not plain or (tag != suite.GLO and plain[0] != _PLAIN[tag]):
            raise CosemError(ErrorKind.ANSWER, f"in an enciphered APDU with tag {tag:02x} is {plain[:1].hex() or 'nothing'}")
        return plain

    def prove(self, challenge: bytes) -> bytes:
        """The answer to the other end's challenge: security control, frame counter, GMAC."""
        counter = self._take()
        return bytes((suite.AUTHENTICATED,)) + counter.to_bytes(4, "big") + self._gmac(self._keys.title, counter, challenge)

    def check(self, proof: object, challenge: bytes) -> None:
        """That the other end has answered our challenge rightly. Raises ``CosemError``.

        Its frame counter is older than that of the APDU which carries it; that it is no repetition is seen by the challenge, which is fresh.
        """
        if not isinstance(proof, bytes) or len(proof) != _PROOF_SIZE or proof[0] != suite.AUTHENTICATED:
            raise CosemError(ErrorKind.ANSWER, "the meter's proof of identity is none")
        counter = int.from_bytes(proof[1:5], "big")
        if not compare_digest(self._gmac(self._peer, counter, challenge), proof[5:]):
            raise CosemError(ErrorKind.KEY, "the meter cannot prove that it knows our keys")

    def _take(self) -> int:
        counter = self._counter.take()
        if not 0 <= counter < COUNTER_END:
            raise CosemError(ErrorKind.COUNTER, "all frame counters of this key are spent", "ask the grid operator for new keys")
        return counter

    def _gmac(self, title: bytes, counter: int, challenge: bytes) -> bytes:
        head = bytes((suite.AUTHENTICATED,)) + self._keys.authentication_key + challenge
        return AESGCM(self._keys.key).encrypt(title + counter.to_bytes(4, "big"), b"", head)[: suite.TAG_SIZE]

    def _open(self, sealed: suite.Sealed) -> bytes:
        if sealed.title != self._peer or sealed.control & CONTROL != CONTROL:
            raise CosemError(
                ErrorKind.KEY, f"an answer of {sealed.title.hex()} with security control {sealed.control:02x} is not the meter's"
            )
        try:
            opened = self._opener.open(sealed)
        except suite.SecurityError as problem:
            raise CosemError(_KINDS.get(problem.kind, ErrorKind.ANSWER), problem.reason, problem.cure) from None
        if not opened.authenticated:
            raise CosemError(ErrorKind.KEY, "an answer is not authenticated")
        self._accept(opened.counter)
        return opened.plaintext

    def _accept(self, counter: int) -> None:
        """Only after the tag was found right."""
        if not self._heard.grows(self._peer, counter):
            raise CosemError(ErrorKind.REPLAY, f"the meter's frame counter {counter} did not grow")
        self._heard.accept(self._peer, counter)
        self.last_heard = counter
