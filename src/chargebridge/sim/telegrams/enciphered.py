"""The wrappings around what a meter enciphers: HDLC (Denmark, Burgenland, Wien), M-Bus (Austria), the two forms at P1 ports."""

from msgspec import Struct

from chargebridge.wire.meter import hdlc, mbus, security
from chargebridge.wire.meter.apdu import LLC
from chargebridge.wire.meter.crc import arc

KAIFA_PART, SAGEMCOM_PART = 245, 252
"""Bytes of an APDU in one M-Bus frame: 250 in all, or the 257 whose length field overflows."""
_SAGEMCOM = b"SAG"


class Keys(Struct, frozen=True, kw_only=True):
    """A meter's system title and what it enciphers with. suite: written into the security control; 1 as Kaifa does in Tirol."""

    title: bytes
    key: bytes
    authentication_key: bytes | None = None
    suite: int = 0

    def seal(self, plaintext: bytes, counter: int) -> bytes:
        """The general-glo-ciphering APDU."""
        return security.seal(
            plaintext, key=self.key, title=self.title, counter=counter, authentication_key=self.authentication_key, suite=self.suite
        )


def in_hdlc(apdu: bytes, keys: Keys, counter: int) -> bytes:
    """One HDLC frame, addressed as Kamstrup does."""
    return hdlc.frame(LLC + keys.seal(apdu, counter), destination=b"\x41", source=b"\x03", control=0x13)


def in_mbus(apdu: bytes, keys: Keys, counter: int) -> bytes:
    """Long frames of the size that the system title's maker uses."""
    return mbus_frames(keys.seal(apdu, counter), SAGEMCOM_PART if keys.title.startswith(_SAGEMCOM) else KAIFA_PART)


def mbus_frames(apdu: bytes, part: int = KAIFA_PART) -> bytes:
    """An APDU in long frames of up to ``part`` bytes of it."""
    parts = [apdu[at : at + part] for at in range(0, len(apdu), part)]
    last = len(parts) - 1
    return b"".join(mbus.frame(mbus.SAPS + data, ci=number | (mbus.LAST if number == last else 0)) for number, data in enumerate(parts))


def in_p1(telegram: bytes, keys: Keys, counter: int) -> bytes:
    """A whole P1 telegram as in Luxembourg, Steiermark and Graz."""
    return keys.seal(telegram, counter)


def in_polish_p1(telegram: bytes, keys: Keys) -> bytes:
    """A P1 telegram as Stoen's meters send it: identification line in clear, no system title, counter 0. The checksum is over what is sent."""
    head, end = telegram.index(b"\r\n\r\n") + 4, telegram.rindex(b"!")
    sealed = Keys(title=b"", key=keys.key, authentication_key=keys.authentication_key).seal(telegram[head:end], 0)
    sent = telegram[:head] + sealed[1:] + b"!"
    return sent + f"{arc(sent):04X}\r\n".encode("ascii")
