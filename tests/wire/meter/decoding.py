"""Bytes through a decoder, in pieces."""

from chargebridge.wire.meter import DecodeError, Decoder, DlmsDecoder, Protocol, Telegram, decode_apdu, detect


def run(decoder: Decoder, data: bytes, size: int = 4096) -> list[Telegram | DecodeError]:
    """All events of ``data`` in pieces of ``size`` bytes, to the end of the stream."""
    events = [event for at in range(0, len(data), size) for event in decoder.feed(data[at : at + size])]
    return events + decoder.close()


def run_dlms(data: bytes) -> list[Telegram | DecodeError]:
    """A capture of HDLC frames, or of one bare APDU."""
    if data[0] != 0x7E:
        return [decode_apdu(data)]
    assert detect(data) is Protocol.DLMS
    return run(DlmsDecoder(), data)


def held(decoder: Decoder, piece: bytes, limit: int) -> None:
    """Some 40 kB of one piece again and again: little is kept, and little is told."""
    stream = piece * (40_000 // len(piece))
    for at in range(0, len(stream), 1000):
        events = decoder.feed(stream[at : at + 1000])
        assert decoder.pending <= limit  # type: ignore[attr-defined]
        assert len(events) <= 1 + 1000 // 2
