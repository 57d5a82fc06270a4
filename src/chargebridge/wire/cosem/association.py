"""An association from the client's side (IEC 62056-53 clauses 8 and 9): APDUs in, events out.

    state       sent                       received                     then
    IDLE        AARQ                                                    ASKING
    ASKING                                 AARE, accepted               READY; with GMAC the proof goes out: PROVING
    PROVING     ACTION on 0-0:40.0.0       the meter's proof is right   READY
    READY       GET                                                     READING
    READING     GET next (of a block),     all values are there         READY
                GET (of what is left)
    READY       RLRQ                                                    RELEASING
    RELEASING                              RLRE                         RELEASED

Whatever else comes is a ``CosemError``, and ends the association. One question is under way at a time.
"""

from enum import Enum

from msgspec import Struct

from chargebridge.wire.cosem import acse, initiate, services
from chargebridge.wire.cosem.acse import Aare, Aarq, Mechanism
from chargebridge.wire.cosem.errors import CosemError, ErrorKind
from chargebridge.wire.cosem.initiate import Conformance, Initiate
from chargebridge.wire.cosem.security import Security
from chargebridge.wire.cosem.services import AccessResult, ActionAnswer, Attribute, GetAnswer, GetBlock, Result
from chargebridge.wire.meter import axdr_encode
from chargebridge.wire.meter.telegram import ContentError

ASSOCIATION_CODE, ASSOCIATION_INTERFACE, REPLY_TO_HLS = bytes((0, 0, 40, 0, 0, 255)), 15, 1
MAX_VALUE = 1 << 22
"""Bytes of one answer in blocks: a year of quarter hours with six columns."""
_ROOM = 40
"""Bytes of a list's head, of its security, and of a selection's tag."""
_RLRE = bytes((acse.RLRE,))


class State(Enum):
    IDLE = "idle"
    ASKING = "asking"
    PROVING = "proving"
    READY = "ready"
    READING = "reading"
    RELEASING = "releasing"
    RELEASED = "released"


class Send(Struct, frozen=True):
    """An APDU that must go out now."""

    apdu: bytes


class Associated(Struct, frozen=True):
    """The meter takes our questions. meter: what it can do."""

    meter: Initiate


class Values(Struct, frozen=True):
    """What was asked for, in its order."""

    results: tuple[Result, ...]


class Released(Struct, frozen=True):
    """The meter has let us go."""


Event = Send | Associated | Values | Released


class Login(Struct, frozen=True, kw_only=True):
    """Who we are. password: for PASSWORD, challenge: 8 to 64 fresh random bytes, for GMAC. ciphered: all that is said is enciphered; it and GMAC
    need a ``Security``. lists: several values in one question where the meter says that it can."""

    mechanism: Mechanism = Mechanism.NONE
    password: bytes = b""
    challenge: bytes = b""
    ciphered: bool = False
    lists: bool = True

    def __repr__(self) -> str:
        return f"Login({self.mechanism.name}, ciphered={self.ciphered})"


class Association:
    """One association. ``open``, ``get`` and ``release`` return the APDU to send; ``receive`` takes each APDU of the meter."""

    def __init__(self, login: Login, security: Security | None = None) -> None:
        secured = login.ciphered or login.mechanism is Mechanism.GMAC
        if security is None and secured:
            raise ValueError("a ciphered context and GMAC need keys")
        self.state = State.IDLE
        self.meter = Initiate()
        self._login = login
        self._security = security if secured else None
        self._sealing = security if login.ciphered else None
        self._wanted: list[Attribute] = []
        self._asked: tuple[Attribute, ...] = ()
        self._found: list[Result] = []
        self._raw = bytearray()
        self._block = 0

    def open(self) -> bytes:
        """AARQ."""
        self._expect(State.IDLE)
        self.state = State.ASKING
        login = self._login
        proofs = {Mechanism.NONE: None, Mechanism.PASSWORD: login.password, Mechanism.GMAC: login.challenge}
        aarq = Aarq(
            user=self._seal(initiate.build_initiate(Initiate())),
            ciphered=login.ciphered,
            mechanism=login.mechanism,
            title=None if self._security is None else self._security.title,
            proof=proofs[login.mechanism],
        )
        return acse.build_aarq(aarq)

    def get(self, attributes: tuple[Attribute, ...]) -> bytes:
        """The first question for ``attributes``; ``Values`` follows when all are answered."""
        self._expect(State.READY)
        if not attributes:
            raise ValueError("nothing is asked")
        self.state = State.READING
        self._wanted = list(attributes)
        self._found = []
        return self._ask()

    def release(self) -> bytes:
        """RLRQ. Many meters do not know it: close the link when nothing comes."""
        self._expect(State.READY)
        self.state = State.RELEASING
        return acse.build_release(acse.RLRQ)

    def receive(self, apdu: bytes) -> list[Event]:
        """What an APDU of the meter means. Raises ``CosemError``."""
        match self.state:
            case State.ASKING:
                self._refused(apdu)
                return self._answered(acse.parse_aare(apdu))
            case State.RELEASING if apdu.startswith(_RLRE):
                self.state = State.RELEASED
                return [Released()]
            case State.PROVING:
                return self._proved(self._open(apdu))
            case State.READING:
                return self._told(self._open(apdu))
            case _:
                raise CosemError(ErrorKind.ANSWER, f"the meter says {apdu.hex()[:40]} unasked")

    def _expect(self, state: State) -> None:
        if self.state is not state:
            raise CosemError(ErrorKind.LINK, f"the association is {self.state.value}, not {state.value}")

    def _seal(self, apdu: bytes) -> bytes:
        return apdu if self._sealing is None else self._sealing.seal(apdu)

    def _open(self, apdu: bytes) -> bytes:
        return apdu if self._sealing is None else self._sealing.open(apdu)

    def _refused(self, apdu: bytes) -> None:
        """Raises ``CosemError`` where the meter answers the AARQ with an exception: in a ciphered context it could not read it."""
        try:
            services.refuse(apdu)
        except CosemError as problem:
            if problem.kind is not ErrorKind.REFUSED or not self._login.ciphered:
                raise
            raise CosemError(ErrorKind.PASSWORD, f"{problem.reason}; meters say so where a key is wrong") from None

    def _answered(self, answer: Aare) -> list[Event]:
        if answer.result != 0:
            raise acse.refusal(answer)
        if answer.ciphered != self._login.ciphered:
            raise CosemError(ErrorKind.REJECTED, "the meter answers in another application context: ciphered= is the other way")
        if self._security is not None:
            self._security.meet(answer.title)
        self.meter = initiate.parse_initiate(self._open(answer.user or b""), response=True)
        if self._login.mechanism is not Mechanism.GMAC:
            return self._associated()
        if answer.mechanism != Mechanism.GMAC or not answer.challenge or self._security is None:
            raise CosemError(ErrorKind.REJECTED, "the meter does not challenge us by GMAC: another auth= is wanted")
        self.state = State.PROVING
        proof = axdr_encode.octets(self._security.prove(answer.challenge))
        return [Send(self._seal(services.action(ASSOCIATION_INTERFACE, ASSOCIATION_CODE, REPLY_TO_HLS, proof)))]

    def _proved(self, apdu: bytes) -> list[Event]:
        answer = services.parse_answer(apdu)
        if not isinstance(answer, ActionAnswer) or self._security is None:
            raise CosemError(ErrorKind.ANSWER, f"{apdu.hex()[:40]} answers no proof of identity")
        if answer.result != 0:
            raise CosemError(ErrorKind.PASSWORD, f"the meter does not take our proof of identity (action result {answer.result})")
        self._security.check(answer.data, self._login.challenge)
        return self._associated()

    def _associated(self) -> list[Event]:
        self.state = State.READY
        return [Associated(self.meter)]

    def _ask(self) -> bytes:
        """The question for as many of the wanted as one APDU holds."""
        count, room = 1, (self.meter.max_pdu or 0xFFFF) - _ROOM - len(self._wanted[0].encoded)
        if self._login.lists and self.meter.conformance & Conformance.MULTIPLE_REFERENCES:
            for attribute in self._wanted[1 : services.LIST_MAX]:
                room -= len(attribute.encoded)
                if room < 0:
                    break
                count += 1
        self._asked, self._wanted = tuple(self._wanted[:count]), self._wanted[count:]
        self._raw.clear()
        self._block = 0
        return self._seal(services.get(self._asked[0]) if count == 1 else services.get_list(self._asked))

    def _told(self, apdu: bytes) -> list[Event]:
        match services.parse_answer(apdu):
            case GetAnswer(results=results) if self._block == 0:
                return self._took(results)
            case GetBlock() as block:
                return self._took_block(block)
            case _:
                raise CosemError(ErrorKind.ANSWER, f"{apdu.hex()[:40]} does not answer our GET")

    def _took_block(self, block: GetBlock) -> list[Event]:
        if isinstance(block.raw, AccessResult):
            return self._took((block.raw,) * len(self._asked))
        if block.number != self._block + 1:
            raise CosemError(ErrorKind.ANSWER, f"block {block.number} came where {self._block + 1} was asked")
        self._block = block.number
        self._raw += block.raw
        if len(self._raw) > MAX_VALUE:
            raise CosemError(ErrorKind.OVERSIZE, f"an answer of more than {MAX_VALUE} bytes")
        if not block.last:
            return [Send(self._seal(services.get_next(block.number)))]
        try:
            raw = bytes(self._raw)
            return self._took((services.parse_data(raw),) if len(self._asked) == 1 else services.parse_list(raw))
        except (ContentError, IndexError) as problem:
            raise CosemError(ErrorKind.ANSWER, f"the blocks of an answer make no value: {problem}") from None

    def _took(self, results: tuple[Result, ...]) -> list[Event]:
        if len(results) != len(self._asked):
            raise CosemError(ErrorKind.ANSWER, f"{len(results)} values answer {len(self._asked)} questions")
        self._found += results
        if self._wanted:
            return [Send(self._ask())]
        self.state = State.READY
        found, self._found = tuple(self._found), []
        return [Values(found)]
