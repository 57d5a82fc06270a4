"""Change how a station proves who it is, and never lock it out: the new way is prepared, told, proven, and only then is the old one closed.

Password (A01)      the hash of the new one is on disk before the station hears it. Old and new let it in until it has shown the new one.
                    A station that refuses keeps the old; one that did not answer may hold either. Nothing hangs on this process living on.
Profile (A05)       what the new profile needs is brought to the station first: a password, our root, a certificate of its own. Then it is
                    told: in 1.6 by the key SecurityProfile, in 2.x by a network profile in a free slot, put first in its priorities with
                    the old one behind it, and a reboot. It may come by the old profile until it has come by the new one.

A01.FR.03 would have us drop the old password as soon as the station says Accepted; stations that say so and forget it at the next reboot would
then be lost. We close its connection instead, so that it proves the new password within seconds, and the old one ends then.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import cast

import structlog
from msgspec import Struct
from msgspec.structs import replace

from chargebridge.model.clock import Clock
from chargebridge.stations.ocpp import security_words as words
from chargebridge.stations.ocpp.certificates import CertificateDesk
from chargebridge.stations.ocpp.passwords import new_password
from chargebridge.stations.ocpp.station import OcppStation
from chargebridge.stations.ocpp.vault import Credentials, Vault
from chargebridge.stations.port import Answer, Outcome
from chargebridge.store.passwords import hash_password
from chargebridge.wire.ocpp import v201

log = structlog.get_logger()

MAX_NEXT = 6  # hashes of passwords that were sent and not shown: three rotations of 1.6, which knows two spellings of each
RESTART = 1012  # websocket close code: come again (IANA)
PRIORITY, ACTIVE = "OCPPCommCtrlr.NetworkConfigurationPriority", "OCPPCommCtrlr.ActiveNetworkProfile"
MAX_SLOT = 8
CERTIFICATE_WAIT_S = 120.0


class Step(Struct, frozen=True):
    """One thing that an upgrade asked of the station, and what it said."""

    what: str
    answer: Answer


class CredentialDesk:
    """See the module. certificates: None without a CA of ours."""

    def __init__(self, vault: Vault, certificates: CertificateDesk | None, clock: Clock) -> None:
        self._vault = vault
        self._certificates = certificates
        self._clock = clock
        self._busy: dict[str, asyncio.Lock] = {}

    async def rotate_password(self, station: OcppStation) -> Answer:
        """Give the station a new random password that nobody else gets to know. Its answer; ACCEPTED is proven by its next connection."""
        async with self._busy.setdefault(station.identity, asyncio.Lock()):
            return await self._rotate(station)

    async def _rotate(self, station: OcppStation) -> Answer:
        language, session = station.language, station.session
        if language is None or session is None or not station.online:
            return Answer(outcome=Outcome.OFFLINE, detail="not connected")
        value, shown = new_password(language.dialect.name)
        fresh = tuple([await asyncio.to_thread(hash_password, one) for one in shown])
        await self._change(station, lambda now: replace(now, next_hashes=(*fresh, *now.next_hashes)[:MAX_NEXT]))
        answer = await station.set_setting(words.password_setting(language), value)
        log.info("password rotation", station=station.identity, outcome=str(answer.outcome), detail=answer.detail)
        if answer.outcome in (Outcome.REJECTED, Outcome.UNSUPPORTED):
            await self._change(station, lambda now: replace(now, next_hashes=tuple(h for h in now.next_hashes if h not in fresh)))
        elif answer.outcome is Outcome.ACCEPTED and station.session is session:
            await session.close(RESTART, "come again with the new password")
        return answer

    async def upgrade(
        self, station: OcppStation, profile: int, url: str, slot: int | None = None, interface: str = "Wired0"
    ) -> list[Step]:  # fmt: skip
        """Bring the station to a higher security profile. url: where it is to come then (2.x), without its identity.

        Returns every step with the station's answer; the last one tells how it ended. ACCEPTED there means that it is on its way.
        """
        async with self._busy.setdefault(station.identity, asyncio.Lock()):
            steps: list[Step] = []
            objection = self._objection(station, profile)
            if objection is not None:
                return [Step("begin", Answer(outcome=Outcome.REJECTED, detail=objection))]
            if not await self._prepare(station, profile, steps):
                return steps
            await self._change(station, lambda now: replace(now, upgrade_to=profile))
            assert station.language is not None
            if words.is_16(station.language):
                steps.append(Step("SecurityProfile", await station.set_setting("SecurityProfile", str(profile))))
            else:
                await self._by_network_profile(station, profile, url, slot, cast(v201.OCPPInterfaceEnum, interface), steps)
            last = steps[-1].answer.outcome
            log.info("security profile upgrade", station=station.identity, profile=profile, step=steps[-1].what, outcome=str(last))
            if last in (Outcome.REJECTED, Outcome.UNSUPPORTED):
                await self._change(station, lambda now: replace(now, upgrade_to=None))
            return steps

    def _objection(self, station: OcppStation, profile: int) -> str | None:
        present = max(station.settings.security_profile, self._vault.credentials(station.identity).profile or 0)
        if not station.online:
            return "not connected"
        if profile not in (1, 2, 3) or profile <= present:
            return f"it uses profile {present}; only a higher one can be asked for (A00.FR.005)"
        if profile == 3 and self._certificates is None:
            return "profile 3 needs a CA of ours; name its folder as ca"
        return None

    async def _prepare(self, station: OcppStation, profile: int, steps: list[Step]) -> bool:
        """What the station checks before it accepts (1.6 whitepaper A05.FR.02 to 04; 2.0.1 A05.FR.02, 03)."""
        kept = self._vault.credentials(station.identity)
        if profile < 3 and not (station.settings.password_hash or kept.password_hash or kept.next_hashes):
            steps.append(Step("password", await self._rotate_quietly(station)))
        if profile >= 2 and self._certificates is not None and _went(steps):
            steps.append(Step("root certificate", await self._certificates.install_root(station)))
        if profile == 3 and self._certificates is not None and _went(steps):
            steps.append(Step("station certificate", await self._certificates.obtain(station, CERTIFICATE_WAIT_S)))
        return _went(steps)

    async def _rotate_quietly(self, station: OcppStation) -> Answer:
        """A first password; it is shown when the station comes by the new profile, so its connection stays for the next step."""
        assert station.language is not None
        value, shown = new_password(station.language.dialect.name)
        fresh = tuple([await asyncio.to_thread(hash_password, one) for one in shown])
        await self._change(station, lambda now: replace(now, next_hashes=(*fresh, *now.next_hashes)[:MAX_NEXT]))
        return await station.set_setting(words.password_setting(station.language), value)

    async def _by_network_profile(
        self, station: OcppStation, profile: int, url: str, slot: int | None, interface: v201.OCPPInterfaceEnum, steps: list[Step]
    ) -> None:  # fmt: skip
        """B09 and B10: a new way in a slot of its own, tried first, the old ones behind it."""
        read = await station.get_settings([PRIORITY, ACTIVE])
        if isinstance(read, Answer):
            steps.append(Step("NetworkConfigurationPriority", read))
            return
        values = {setting.name: setting.value or "" for setting in read}
        present = [part.strip() for part in values.get(PRIORITY, "").split(",") if part.strip()]
        in_use = {*present[:1], values.get(ACTIVE, "")}
        known = [int(part) for part in present if part.isdecimal()]
        taken = {int(part) for part in in_use if part.isdecimal()}
        # Those it has named already are known to exist; of the others the first few may.
        free = [n for n in dict.fromkeys((*known[1:], *range(1, MAX_SLOT), 0)) if n not in taken] if slot is None else [slot]
        for number in free:
            answer = await station.ask(partial(words.network_profile, slot=number, url=url, profile=profile, interface=interface))
            if answer.outcome is not Outcome.REJECTED:
                break
        steps.append(Step("SetNetworkProfile", answer))
        if answer.outcome is not Outcome.ACCEPTED:
            return
        order = ",".join([str(number), *(part for part in present if part != str(number))])
        steps.append(Step("NetworkConfigurationPriority", await station.set_setting(PRIORITY, order)))
        if _went(steps):
            steps.append(Step("Reset", await station.reset(hard=False)))  # it takes the first entry after a reboot (A05.FR.05)

    async def _change(self, station: OcppStation, change: Callable[[Credentials], Credentials]) -> Credentials:
        return await self._vault.change(station.identity, change, self._clock.now())


def _went(steps: list[Step]) -> bool:
    return not steps or steps[-1].answer.outcome is Outcome.ACCEPTED
