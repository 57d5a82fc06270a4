"""What a telegram does not tell and a person may have to."""

from datetime import timedelta

from msgspec import Struct

from chargebridge.wire.meter.counters import Counters


class DecoderOptions(Struct, frozen=True, kw_only=True):
    """Settings of one meter's decoder; each decoder heeds those that concern it.

    standard_offset: the meter's local normal time minus UTC. accept_bad_checksum: deliver P1 telegrams whose checksum is wrong, with
    ``crc_ok`` False, for people who look at anonymised captures, never for control. kamstrup_energy_scaler: power of ten of Kamstrup's
    energy registers in Wh, None to go by the meter's type number. layout: the name of the list layout where a meter's lists do not tell
    theirs, None to go by their shape. key: the 16 bytes that telegrams are enciphered with (GUEK, GPK60; MBK of a MEP meter),
    authentication_key: those that they are authenticated with (GAK, GPK61). A repr shows neither. counters: what the meter's counter has
    reached, shared by all decoders that get these options; None for a decoder that begins without memory.
    """

    standard_offset: timedelta = timedelta(hours=1)
    accept_bad_checksum: bool = False
    kamstrup_energy_scaler: int | None = None
    layout: str | None = None
    key: bytes | None = None
    authentication_key: bytes | None = None
    counters: Counters | None = None

    def __repr__(self) -> str:
        told = "told" if self.key else "none"
        return f"DecoderOptions(standard_offset={self.standard_offset}, layout={self.layout}, key={told})"


DEFAULTS = DecoderOptions()
