"""The local authorisation list of a station (1.6 3.5.2, 2.x D01): made from the tokens that the sink knows, sent whole or as what has changed."""

from typing import TYPE_CHECKING

from chargebridge.stations.commands import GetLocalListVersion, Reply, SendLocalList
from chargebridge.stations.port import Outcome, Token

if TYPE_CHECKING:
    from chargebridge.stations.ocpp.station import OcppStation

PER_MESSAGE = 50  # entries; what does not fit follows as a difference
SHORT_ID = 20  # 1.6 CiString20Type


async def refresh(station: "OcppStation") -> Reply:
    """Bring the station's list up to date. A list that is not of our making, or of which we no longer know, is replaced as a whole."""
    asked = await station.command(GetLocalListVersion())
    if asked.outcome is not Outcome.ACCEPTED or asked.response is None:
        return asked
    version: int = asked.response["listVersion" if "listVersion" in asked.response else "versionNumber"]
    if version < 0:  # 1.6 5.10: -1
        return Reply(outcome=Outcome.UNSUPPORTED, detail="the station keeps no local list")
    wanted = {token.id: token for token in station.sink.tokens(station.identity) if _fits(station, token)}
    there = station.local_list if station.local_list is not None and station.local_list[0] == version else None
    if there is not None:
        changed = [token for key, token in wanted.items() if there[1].get(key) != token]
        gone = [token for key, token in there[1].items() if key not in wanted]
        if not changed and not gone:
            return Reply(outcome=Outcome.ACCEPTED, detail="up to date")
        reply = await _send(station, version, changed, gone, wanted, full=False)
        if reply.outcome is Outcome.ACCEPTED:
            return reply
    return await _send(station, version, list(wanted.values()), [], wanted, full=True)


async def take_out(station: "OcppStation", token: Token) -> None:
    """A customer's data was cleared: the list goes on without that token, with a version of ours (2.x N10.FR.02).

    As long as the sink knows the token, the next refresh brings it back: whoever is to be forgotten has to be taken out there too.
    """
    if station.local_list is None or token.id not in station.local_list[1]:
        return
    version, entries = station.local_list
    await _send(station, version, [], [token], {key: entry for key, entry in entries.items() if key != token.id}, full=False)


def _fits(station: "OcppStation", token: Token) -> bool:
    """1.6 has no room for the longer ids."""
    return station.language is None or station.language.dialect.name != "ocpp1.6" or len(token.id) <= SHORT_ID


async def _send(
    station: "OcppStation", version: int, tokens: list[Token], gone: list[Token], wanted: dict[str, Token], *, full: bool
) -> Reply:
    most = min(station.abilities.items("SendLocalList") or PER_MESSAGE, PER_MESSAGE)
    parts = [tokens[start : start + most] for start in range(0, len(tokens), most)] or [[]]
    for number, part in enumerate(parts, 1):
        whole, last = full and number == 1, number == len(parts)
        version += 1
        reply = await station.command(SendLocalList(version=version, tokens=tuple(part), full=whole, gone=tuple(gone) if last else ()))
        if reply.outcome is not Outcome.ACCEPTED:
            station.local_list = None
            return reply
    station.local_list = (version, wanted)
    return reply
