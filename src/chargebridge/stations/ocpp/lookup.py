"""Whether certificates are revoked, asked where they or stations say: OCSP responders and lists, over HTTP. Answers are kept for a while.

OCPP 2.0.1 part 2 M06, 2.1 part 2 M06 and M07, C07.FR.05; RFC 6960, RFC 5280.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import TypeVar

import structlog
from cryptography import x509

from chargebridge.model.clock import Clock
from chargebridge.stations.ocpp import revocation
from chargebridge.stations.ocpp.fetching import Fetcher
from chargebridge.stations.ocpp.revocation import Finding, Named, UnprovenError, unproven

log = structlog.get_logger()

K = TypeVar("K")
V = TypeVar("V")
MAX_OCSP, MAX_CRL = 64 * 1024, 8 * 1024 * 1024  # bytes
MAX_FINDINGS, MAX_LISTS = 10_000, 32  # kept at most; the oldest go
AT_ONCE = 64  # questions under way; who asks for more waits


class Lookup:
    """issuers: certificates that are known, by which answers can be proven. patience_s: for all that is asked about one certificate; a station
    waits for it at its handshake, a car at its charging point.
    """

    def __init__(self, fetcher: Fetcher, clock: Clock, issuers: Sequence[x509.Certificate] = (), patience_s: float = 6.0) -> None:
        self.fetcher = fetcher
        self._clock = clock
        self.issuers = issuers
        self._patience_s = patience_s
        self._findings: OrderedDict[Named, Finding] = OrderedDict()
        self._lists: OrderedDict[str, tuple[x509.CertificateRevocationList, datetime]] = OrderedDict()
        self._room = asyncio.Semaphore(AT_ONCE)

    async def by_ocsp(self, wanted: Named, urls: Sequence[str], issuers: Sequence[x509.Certificate] = ()) -> Finding:
        """Of the first responder that has an answer that counts; one that is kept and not yet due is not asked for again. Raises UnprovenError.

        issuers: further certificates by which it may be proven.
        """
        known = self._findings.get(wanted)
        if known is not None and known.until > self._clock.now() and (known.proven or not issuers):
            return known

        async def ask(url: str) -> Finding:
            question = _question(wanted)
            raw = await self.fetcher.post(url, question, "application/ocsp-request", MAX_OCSP)
            return revocation.read_answer(raw, wanted, self._clock.now(), (*issuers, *self.issuers))

        found = await self._first(str(wanted), urls, ask)
        _keep(self._findings, wanted, found, MAX_FINDINGS)
        return found

    async def by_list(self, wanted: Named, urls: Sequence[str], issuers: Sequence[x509.Certificate] = ()) -> Finding:
        """Of the first list that can be had, or is kept and not yet due. Raises UnprovenError."""

        async def ask(url: str) -> Finding:
            now = self._clock.now()
            kept = self._lists.get(url)
            crl = kept[0] if kept is not None and kept[1] > now else revocation.load_crl(await self.fetcher.get(url, MAX_CRL), url)
            found = revocation.read_crl(crl, wanted, now, (*issuers, *self.issuers))
            if kept is None or kept[0] is not crl:
                _keep(self._lists, url, (crl, found.until), MAX_LISTS)
            return found

        return await self._first(str(wanted), urls, ask)

    async def of(self, certificate: x509.Certificate, issuer: x509.Certificate, responders: Sequence[str] = ()) -> Finding:
        """Of a certificate in hand: by OCSP, else by its issuer's list. responders: beside those it names. Raises UnprovenError."""
        wanted = revocation.name_of(certificate, issuer)
        asked, listed = [*revocation.responders(certificate), *responders], revocation.lists(certificate)
        try:
            return await self.by_ocsp(wanted, asked, (issuer,))
        except UnprovenError:
            if not listed:
                raise
        return await self.by_list(wanted, listed, (issuer,))

    async def _first(self, what: str, urls: Sequence[str], ask: Callable[[str], Awaitable[Finding]]) -> Finding:
        failed = unproven(what, "nobody is named who could be asked about it")
        try:
            async with asyncio.timeout(self._patience_s):
                for url in urls:
                    try:
                        async with self._room:
                            return await ask(url)
                    except UnprovenError as error:
                        failed = error
                        log.warning("revocation cannot be looked up", certificate=what, where=error.where, reason=error.reason)
        except TimeoutError:
            failed = unproven(what, f"nobody has answered within {self._patience_s:g} s")
        raise failed


def _question(wanted: Named) -> bytes:
    try:
        return revocation.question(wanted)
    except ValueError as error:
        raise unproven(str(wanted), f"cannot be asked about ({error})") from error


def _keep(kept: OrderedDict[K, V], key: K, value: V, most: int) -> None:
    kept[key] = value
    kept.move_to_end(key)
    while len(kept) > most:
        kept.popitem(last=False)
