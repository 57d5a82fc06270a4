"""What can go wrong with a meter that is asked, by kind, with what a person can do about it."""

from enum import StrEnum


class ErrorKind(StrEnum):
    """LINK: no connection at the data link. REJECTED: the meter wants another client, context or level of security. PASSWORD: the password or
    the keys are wrong. KEY: an answer does not fit our keys. REPLAY: an answer with an old frame counter. COUNTER: ours is too low, or spent.
    ANSWER: bytes that are no answer. REFUSED: the meter cannot do what was asked. OVERSIZE: more than any meter tells."""

    LINK = "link"
    REJECTED = "rejected"
    PASSWORD = "password"  # noqa: S105
    KEY = "key"
    REPLAY = "replay"
    COUNTER = "counter"
    ANSWER = "answer"
    REFUSED = "refused"
    OVERSIZE = "oversize"


CURES = {
    ErrorKind.LINK: "check the address of the server (server=, address_size=) and that nobody else reads the meter",
    ErrorKind.REJECTED: "check client=, auth= and ciphered= with the list that the operator gave",
    ErrorKind.PASSWORD: "ask the grid operator for this client's password or keys",
    ErrorKind.KEY: "check key_file, auth_key_file; each meter has its own keys",
    ErrorKind.REPLAY: "somebody repeats old answers, or the meter was exchanged: then start again",
    ErrorKind.COUNTER: "write a number above the meter's frame counter into counter_file",
    ErrorKind.ANSWER: "check that this port speaks DLMS, with framing=hdlc or framing=wrapper as the gateway does",
    ErrorKind.REFUSED: "check that the client may read this (the operator's list of objects)",
    ErrorKind.OVERSIZE: "ask for a shorter part",
}


class CosemError(Exception):
    """The session is over: whoever holds the connection closes it and may begin anew."""

    def __init__(self, kind: ErrorKind, reason: str, cure: str | None = None) -> None:
        super().__init__(reason)
        self.kind = kind
        self.reason = reason
        self.cure = cure or CURES[kind]
