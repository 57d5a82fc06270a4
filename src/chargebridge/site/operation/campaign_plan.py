"""Whether a firmware campaign can be as it is planned, and whether its file is the one that is meant."""

import hashlib
from datetime import datetime

import httpx

from chargebridge.model.errors import ModelError
from chargebridge.site.operation.view import CampaignPlan

FILE_MAX = 2**30


def check(plan: CampaignPlan, now: datetime) -> None:
    """Raises ModelError."""
    if not plan.stations:
        raise ModelError("stations", "none is named", "name at least one")
    if len(set(plan.stations)) != len(plan.stations):
        raise ModelError("stations", "one is named twice", "name each once")
    scheme = plan.url.partition("://")[0]
    if scheme not in ("http", "https", "ftp", "ftps", "sftp") or len(plan.url) > 512:
        raise ModelError("url", f"{plan.url[:60]!r} is no address for stations", "give http://, https://, ftp://, ftps:// or sftp://")
    if plan.sha256 is not None and (len(plan.sha256) != 64 or scheme not in ("http", "https")):
        raise ModelError("sha256", "it cannot be checked", "give 64 hexadecimal digits, and an http:// or https:// address")
    if (plan.signing_certificate is None) != (plan.signature is None):
        raise ModelError("signature", "certificate and signature belong together", "give both, or neither")
    if plan.not_after is not None and (plan.not_after <= now or (plan.not_before or now) >= plan.not_after):
        raise ModelError("not_after", "no time is left", "give a later end")
    if not 1 <= plan.at_once <= 1000 or not 1 <= plan.tries <= 10 or not 10 <= plan.patience_s <= 7 * 86_400:
        raise ModelError("campaign", "a figure is out of range", "at_once 1 to 1000, tries 1 to 10, patience_s 10 to 604800")


async def sha256_of(url: str) -> str:
    """Of the file as a station would fetch it. Raises httpx.HTTPError, ModelError."""
    digest, size = hashlib.sha256(), 0
    async with httpx.AsyncClient(follow_redirects=False) as client, client.stream("GET", url) as answer:
        answer.raise_for_status()
        async for piece in answer.aiter_bytes():
            size += len(piece)
            if size > FILE_MAX:
                raise ModelError("url", f"the file is larger than {FILE_MAX} bytes", "name the firmware itself")
            digest.update(piece)
    return digest.hexdigest()
