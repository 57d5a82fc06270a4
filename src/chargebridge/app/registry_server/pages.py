"""The page where anybody looks a key up: what stands at a charging point, since when, and how to check that the register cannot rewrite it."""

import html
from datetime import datetime

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from chargebridge.calibration.registry.entry import KeyEntry, KeyState
from chargebridge.calibration.registry.events import Cause
from chargebridge.calibration.registry.log import Registry

_STATES = {
    KeyState.PENDING: "handed in, not public yet: nobody may charge by it",
    KeyState.ACTIVE: "counts now",
    KeyState.SUPERSEDED: "another key took its place",
    KeyState.DEACTIVATED: "ended",
}
_CAUSES = {
    Cause.COMMISSIONING: "commissioned",
    Cause.DECOMMISSIONING: "decommissioned",
    Cause.HARDWARE_EXCHANGE: "hardware exchanged",
    Cause.METER_REPLACEMENT: "meter replaced",
    Cause.FIRMWARE_UPDATE: "new keys by a firmware update",
    Cause.TAKE_OVER: "taken over by another operator",
    Cause.CORRECTION: "corrected",
}
ROWS = 50
_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><title>{title}</title><style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 3rem auto; padding: 0 1.2rem; }}
h1 {{ font-size: 1.5rem; }} h2 {{ font-size: 1.15rem; margin: 2rem 0 .4rem; }} small, th {{ opacity: .75; font-weight: 500; }}
th {{ text-align: left; vertical-align: top; padding: .15rem 1.2rem .15rem 0; white-space: nowrap; }} td {{ padding: .15rem 0; }}
code {{ overflow-wrap: anywhere; font-size: .85em; }}
input, button {{ font: inherit; padding: .5rem .7rem; border-radius: .5rem; border: 1px solid #8888; }}
button {{ background: #0b7a4b; color: #fff; border: 0; cursor: pointer; }} form {{ margin: 1.2rem 0 2rem; }}
label {{ display: block; margin-bottom: .3rem; }}
.row {{ display: flex; gap: .5rem; flex-wrap: wrap; }} .row input {{ flex: 1 1 14rem; min-width: 0; }} footer {{ margin-top: 3rem; }}
</style></head><body><h1>{title}</h1>{body}</body></html>"""


def pages(registry: Registry, name: str) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/", response_class=HTMLResponse)
    async def start(q: str = "") -> HTMLResponse:
        q = q.strip()[:64]
        found = _find(registry, q) if q else []
        form = (
            '<form method="get" action="/"><label for="q">EVSE-ID, or serial number of a meter</label><div class="row">'
            f'<input id="q" name="q" value="{html.escape(q, quote=True)}" autofocus placeholder="DE*ABC*E123">'
            '<button type="submit">Look up</button></div></form>'
        )
        return HTMLResponse(_PAGE.format(title=html.escape(name), body=form + _result(q, found) + _head(registry)))

    return router


def _find(registry: Registry, q: str) -> list[KeyEntry]:
    return (registry.lookup(evse=q) or registry.lookup(meter=q))[-ROWS:]


def _result(q: str, found: list[KeyEntry]) -> str:
    if not q:
        return ""
    if not found:
        return f"<p>Nothing is registered for <b>{html.escape(q)}</b>.</p>"
    return "".join(_entry(entry) for entry in reversed(found))


def _entry(entry: KeyEntry) -> str:
    began = f"{_CAUSES[entry.cause]}, {entry.cpo}"
    rows = {
        "State": _STATES[entry.state],
        "For sessions": _span(entry),
        "Meter": f"{entry.meter}" + (f", signing unit {entry.gateway}" if entry.gateway else ""),
        "Entered": began,
        "Format": f"{entry.format} on {entry.key.curve}",
        "Public key": f"<code>{entry.key.spki().hex()}</code>",
        "Entry": f'{entry.id}, number {entry.index} of the log · <a href="/v1/receipt?entry={entry.id}">proof</a>',
    }
    escaped = {name: text if name in ("Public key", "Entry") else html.escape(text) for name, text in rows.items()}
    table = "".join(
        f'<tr><th style="text-align:left;vertical-align:top;padding-right:14px">{k}</th><td>{v}</td></tr>' for k, v in escaped.items()
    )
    return f"<h2>{html.escape(entry.evse)}</h2><table>{table}</table>"


def _span(entry: KeyEntry) -> str:
    if entry.state is KeyState.PENDING:
        return "none yet"
    if entry.valid_to is None or entry.ended_by is None:
        return f"that began at {_time(entry.valid_from)} or later"
    return f"that began between {_time(entry.valid_from)} and {_time(entry.valid_to)} ({_CAUSES[entry.ended_by]})"


def _head(registry: Registry) -> str:
    head = registry.head
    count = f"{head.size} entry" if head.size == 1 else f"{head.size} entries"
    return (
        f"<footer><small>The log has {count}; its newest head was signed {_time(head.at)}, root <code>{head.root.hex()[:16]}…</code>. "
        '<a href="/v1/key">Key of the registry</a> · <a href="/v1/heads">all heads</a> · <a href="/openapi.json">interface</a>. '
        "Whoever keeps a head can prove later that nothing before it was changed.</small></footer>"
    )


def _time(at: datetime | None) -> str:
    return "" if at is None else f"{at:%Y-%m-%d %H:%M:%S} UTC"
