"""What a press of a button does, and how its success or failure is told."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from nicegui import ui

from chargebridge.app.web.words import sentence
from chargebridge.model.errors import ChargebridgeError
from chargebridge.stations.port import Answer, Outcome

_log = structlog.get_logger(__name__)
_SAID = {
    Outcome.ACCEPTED: "the station has agreed",
    Outcome.REJECTED: "the station has refused",
    Outcome.TIMED_OUT: "the station has not answered in time; it may still do so",
    Outcome.OFFLINE: "the station is offline",
    Outcome.UNSUPPORTED: "the station cannot do that",
}


@asynccontextmanager
async def told(done: str = "") -> AsyncIterator[None]:
    """Says ``done`` when the block succeeds, and otherwise what went wrong with its cure."""
    try:
        yield
    except ChargebridgeError as error:
        ui.notify(f"{sentence(error.reason)} {sentence(error.cure)}", type="negative", multi_line=True, timeout=8000)
    except Exception:
        _log.exception("an action of a page failed")
        ui.notify("That did not work because of a fault in chargebridge. Its log says more.", type="negative", timeout=8000)
    else:
        if done:
            ui.notify(done, type="positive")


def tell(wish: str, answer: Answer) -> None:
    """The station's own answer to a remote start or stop."""
    detail = f" ({answer.detail})" if answer.detail else ""
    good = answer.outcome is Outcome.ACCEPTED
    ui.notify(f"{wish}: {_SAID[answer.outcome]}{detail}.", type="positive" if good else "warning", timeout=5000 if good else 8000)
