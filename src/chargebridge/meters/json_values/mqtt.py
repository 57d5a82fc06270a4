"""Meters that publish over MQTT: ``mqtt://host:1883/topic?map=tasmota-sml``, with TLS ``mqtts://host:8883/topic?map=...``.

A retained message is what the broker kept from earlier, nobody knows from when: it is no reading.
"""

import asyncio
import ssl
from collections.abc import AsyncGenerator, AsyncIterator

import aiomqtt

from chargebridge.meters.address import Address
from chargebridge.meters.connection import CONNECT_TIMEOUT_S
from chargebridge.meters.json_values.collector import SETTINGS as COMMON
from chargebridge.meters.json_values.collector import Collector, MessageError, collector
from chargebridge.meters.port import LinkFault, MeterError, SourceEvent, TelegramSource
from chargebridge.meters.retry import retried
from chargebridge.meters.stream import SILENCE_S
from chargebridge.model.clock import Clock

SETTINGS = COMMON | {"user", "password_file", "password_env", "ca_file", "silence"}
PORTS = {"mqtt": 1883, "mqtts": 8883}
"""Registered with IANA."""
SETTLE_S = 0.2
"""Where a meter publishes its quantities one by one, so long after the first of a round the others are waited for."""
_WAITING = 100
"""Messages that are held back at most; the oldest of a flood are dropped."""


class MqttSource:
    """``TelegramSource`` of one meter's topics. password: of ``user`` at the broker. tls: None without."""

    def __init__(
        self,
        address: Address,
        taken: Collector,
        clock: Clock,
        *,
        user: str | None,
        password: str | None,
        tls: ssl.SSLContext | None,
        silence_s: float,
    ) -> None:
        topic = address.path.strip("/")
        self._host, self._port = address.host, address.port or PORTS[address.scheme]
        self.where = f"{address.scheme}://{self._host}:{self._port}/{topic}"
        self._taken = taken
        self._clock = clock
        self._user = user
        self._password = password
        self._tls = tls
        self._silence_s = silence_s
        self._parts = {f"{topic}/{part}" if part else topic: part for part in taken.map.parts}

    def events(self) -> AsyncIterator[SourceEvent]:
        """Telegrams and faults; runs until it is closed."""
        return retried(self.where, self._session, self._clock)

    async def _session(self) -> AsyncGenerator[SourceEvent, None]:
        try:
            async with self._client() as client:
                for topic in self._parts:
                    await client.subscribe(topic)
                while True:
                    yield await self._next(client)
        except aiomqtt.MqttCodeError as problem:
            raise MeterError(
                self.where, f"the broker refused: {problem}", "check user and password, and the rights for this topic"
            ) from None
        except (aiomqtt.MqttError, OSError) as problem:
            raise MeterError(
                self.where, f"no connection to the broker: {problem}", "check host, port and TLS, and that the broker is on"
            ) from None

    def _client(self) -> aiomqtt.Client:
        return aiomqtt.Client(
            self._host,
            self._port,
            username=self._user,
            password=self._password,
            tls_context=self._tls,
            timeout=CONNECT_TIMEOUT_S,
            max_queued_incoming_messages=_WAITING,
        )

    async def _next(self, client: aiomqtt.Client) -> SourceEvent:
        """The next telegram, or what is wrong instead."""
        while True:
            try:
                fault = await self._take(client, self._silence_s)
            except TimeoutError:
                reason = f"no message for {self._silence_s:g} s"
                return LinkFault(self.where, reason, "check the topic, letter by letter, and that the meter publishes")
            if fault is None and len(self._parts) > 1:
                fault = await self._settle(client)
            if fault is not None:
                return fault
            telegram = self._taken.telegram(self._clock.now())
            if telegram is not None:
                return telegram
            if len(self._parts) > 1:
                continue
            return LinkFault(self.where, "the message holds none of the map's values", "compare the map with a message of the meter")

    async def _settle(self, client: aiomqtt.Client) -> LinkFault | None:
        try:
            async with asyncio.timeout(SETTLE_S):
                while True:
                    fault = await self._take(client, self._silence_s)
                    if fault is not None:
                        return fault
        except TimeoutError:
            return None

    async def _take(self, client: aiomqtt.Client, wait_s: float) -> LinkFault | None:
        """One fresh message. Raises ``TimeoutError`` if none comes."""
        async with asyncio.timeout(wait_s):
            while True:
                message = await anext(client.messages)
                part = self._parts.get(message.topic.value)
                if message.retain or part is None:
                    continue
                payload = message.payload if isinstance(message.payload, bytes) else str(message.payload).encode()
                try:
                    self._taken.take(part, payload, self._clock.now())
                except MessageError as problem:
                    return LinkFault(self.where, f"message of {message.topic.value} {problem}", "check topic and map")
                return None


def open_source(address: Address, clock: Clock) -> TelegramSource:
    """``?map=`` (needed), ``?user=`` with ``?password_file=`` or ``?password_env=``, ``?ca_file=`` of the broker's certificate, ``?silence=60``."""
    topic = address.path.strip("/")
    if not address.host or not topic:
        raise MeterError(
            address.text, "host or topic is missing", "write it like mqtt://192.168.1.5:1883/tele/meter/SENSOR?map=tasmota-sml"
        )
    if set(topic) & {"+", "#", "\0"}:
        raise MeterError(address.text, "a topic with wildcards cannot be", "name one topic exactly: the one at which this meter publishes")
    tls = tls_context(address) if address.scheme == "mqtts" else None
    if tls is None and "ca_file" in address.settings:
        raise MeterError(address.text, "ca_file without TLS", "write mqtts:// instead of mqtt://")
    return MqttSource(
        address,
        collector(address),
        clock,
        user=address.settings.get("user"),
        password=address.secret("password"),
        tls=tls,
        silence_s=address.number("silence", SILENCE_S, least=0.01),
    )


def tls_context(address: Address) -> ssl.SSLContext:
    """Verifies the peer by the system's authorities, or by those in ``?ca_file=``."""
    file = address.settings.get("ca_file")
    try:
        return ssl.create_default_context(cafile=file)
    except (OSError, ssl.SSLError) as problem:
        raise MeterError(address.text, f"ca_file={file} cannot be used: {problem}", "give a file with certificates in PEM") from None
