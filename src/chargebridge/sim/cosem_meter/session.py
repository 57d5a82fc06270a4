"""An association from the meter's side: whom it lets in, and what it answers (IEC 62056-53)."""

from hmac import compare_digest

from msgspec import Struct

from chargebridge.sim.cosem_meter import services as answers
from chargebridge.sim.cosem_meter.objects import NUMBER_CODE, CosemMeter
from chargebridge.sim.cosem_meter.services import ActionRequest, GetRequest, NextRequest
from chargebridge.wire.cosem import acse, initiate
from chargebridge.wire.cosem.acse import Aare, Aarq, Mechanism
from chargebridge.wire.cosem.association import ASSOCIATION_CODE, REPLY_TO_HLS
from chargebridge.wire.cosem.errors import CosemError, ErrorKind
from chargebridge.wire.cosem.initiate import Conformance, Initiate
from chargebridge.wire.cosem.security import GLOBAL, Security
from chargebridge.wire.cosem.selective import CLOCK_CODE
from chargebridge.wire.cosem.services import AccessResult, GetBlock
from chargebridge.wire.meter.axdr_encode import octets
from chargebridge.wire.meter.security import GLO

_PUBLIC_CODES = (CLOCK_CODE, NUMBER_CODE)
_SEALED_BYTES = 48
_NOT_ALLOWED, _UNKNOWN_SERVICE = 1, 2
_OTHER_REASON, _DECIPHERING, _COUNTER = 3, 5, 6


class User(Struct, frozen=True):
    """How one client (by its address) is let in. Without a mechanism it reads the clock and the meter's number only."""

    mechanism: Mechanism = Mechanism.NONE
    password: bytes = b""
    ciphered: bool = False


class Session:
    """One association. ``receive`` takes an APDU and returns the answer, b"" for none.

    challenge: this meter's, for GMAC. max_pdu: longer answers go out in blocks. lists: several values in one question are known.
    """

    def __init__(
        self, meter: CosemMeter, user: User | None, *, security: Security | None, title: bytes, challenge: bytes, max_pdu: int, lists: bool
    ) -> None:
        self._meter = meter
        self._user = user
        self._security = security
        self._title = title
        self._challenge = challenge
        self._conformance = Conformance.OURS if lists else Conformance.OURS & ~Conformance.MULTIPLE_REFERENCES
        self._max_pdu = max_pdu
        self._room = max_pdu
        self._theirs = b""
        self._proved = self._open = False
        self._blocks: list[bytes] = []
        self._block = 0

    def receive(self, apdu: bytes) -> bytes:
        try:
            if apdu[:1] == bytes((acse.AARQ,)):
                return acse.build_aare(self._asked(acse.parse_aarq(apdu)))
            if apdu[:1] == bytes((acse.RLRQ,)):
                self._open = False
                return acse.build_release(acse.RLRE)
            if not self._open or self._user is None:
                return answers.build_exception(_NOT_ALLOWED, 1)
            if not self._user.ciphered or self._security is None:
                return self._served(apdu)
            answer = self._served(self._security.open(apdu))
            # A general question has a general answer.
            return self._security.seal(answer, general=apdu[0] == GLO) if answer[0] in GLOBAL else answer
        except CosemError as problem:
            if problem.kind is ErrorKind.REPLAY:
                return answers.build_exception(_UNKNOWN_SERVICE, _COUNTER, self._security.last_heard if self._security else 0)
            return answers.build_exception(_UNKNOWN_SERVICE, _DECIPHERING if problem.kind is ErrorKind.KEY else _OTHER_REASON)

    def _asked(self, aarq: Aarq) -> Aare:
        user = self._user
        if user is None or user.mechanism != aarq.mechanism:
            return self._refused(11 if aarq.mechanism else acse.AUTHENTICATION_REQUIRED)
        if user.ciphered != aarq.ciphered:
            return self._refused(2)
        if user.mechanism is Mechanism.PASSWORD and not compare_digest(aarq.proof or b"", user.password):
            return self._refused(13)
        asked = aarq.user
        if self._security is not None and (user.ciphered or user.mechanism is Mechanism.GMAC):
            self._security.meet(aarq.title)
            asked = self._security.open(asked) if user.ciphered else asked
        theirs = initiate.parse_initiate(asked, response=False)
        self._room = min(self._max_pdu, theirs.max_pdu or 0xFFFF)
        self._theirs, self._open = aarq.proof or b"", True
        self._proved = user.mechanism is not Mechanism.GMAC
        response = initiate.build_initiate(Initiate(theirs.conformance & self._conformance, self._max_pdu), response=True)
        return Aare(
            result=0,
            diagnostic=0 if self._proved else acse.AUTHENTICATION_REQUIRED,
            user=self._security.seal(response) if self._security is not None and user.ciphered else response,
            ciphered=user.ciphered,
            mechanism=None if self._proved else user.mechanism,
            title=self._title if user.ciphered or not self._proved else None,
            challenge=None if self._proved else self._challenge,
        )

    def _refused(self, diagnostic: int) -> Aare:
        return Aare(result=1, diagnostic=diagnostic, ciphered=self._user is not None and self._user.ciphered)

    def _served(self, apdu: bytes) -> bytes:
        match answers.parse_request(apdu):
            case ActionRequest() as request:
                return self._acted(request)
            case _ if not self._proved:
                return answers.build_exception(_NOT_ALLOWED, 1)
            case GetRequest() as request:
                return self._got(request)
            case NextRequest() as request:
                return self._next(request)

    def _acted(self, request: ActionRequest) -> bytes:
        if (request.code, request.method) != (ASSOCIATION_CODE, REPLY_TO_HLS) or self._security is None:
            return answers.build_action_answer(request.invoke, AccessResult.OBJECT_UNDEFINED)
        try:
            self._security.check(request.parameter, self._challenge)
        except CosemError:
            return answers.build_action_answer(request.invoke, AccessResult.READ_WRITE_DENIED)
        self._proved = True
        return answers.build_action_answer(request.invoke, 0, octets(self._security.prove(self._theirs)))

    def _got(self, request: GetRequest) -> bytes:
        public = self._user is not None and self._user.mechanism is Mechanism.NONE
        results = tuple(
            AccessResult.READ_WRITE_DENIED if public and asked.code not in _PUBLIC_CODES else self._meter.read(asked)
            for asked in request.attributes
        )
        answer = answers.build_get_answer(request.invoke, results, listed=request.listed)
        if len(answer) + _SEALED_BYTES <= self._room or isinstance(results[0], AccessResult):
            return answer
        raw, size = answer[3 if request.listed else 4 :], self._room - _SEALED_BYTES
        self._blocks = [raw[at : at + size] for at in range(0, len(raw), size)]
        self._block = 0
        return self._next(NextRequest(request.invoke, 0))

    def _next(self, request: NextRequest) -> bytes:
        if not self._blocks or request.block != self._block:
            self._blocks = []
            return answers.build_block(request.invoke, GetBlock(request.block, True, AccessResult.DATA_BLOCK_NUMBER_INVALID))
        self._block += 1
        return answers.build_block(request.invoke, GetBlock(self._block, len(self._blocks) == 1, self._blocks.pop(0)))
