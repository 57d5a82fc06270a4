"""What the page of grid and EEBUS asks before it acts: a SKI to pair, whether to unpair, whether to show the secret."""

from nicegui import ui

from chargebridge.app.web.actions import told
from chargebridge.app.web.owner import OWNER
from chargebridge.app.web.qr import svg
from chargebridge.model.errors import ModelError
from chargebridge.site.eebus_peers import written
from chargebridge.site.eebus_view import EebusService, PeerView


def open_pairing(eebus: EebusService) -> None:
    """Pair a device that does not show up by itself."""
    with ui.dialog(value=True) as dialog, ui.card().classes("cb-dialog"):
        dialog.on("hide", dialog.delete)
        ui.html("<h2>Pair a device by its SKI</h2>", sanitize=False)
        ui.html(
            "<p>For one that is not found by itself, or that is to be trusted before it is there. Its own page or label shows the SKI; without "
            "an address we wait until it is found, or until it comes to us.</p>",
            sanitize=False,
        )
        ski = ui.input("SKI: 40 digits and letters a to f").props("outlined").classes("cb-field")
        name = ui.input("What you call it").props('outlined maxlength=64 hint="may be left empty"').classes("cb-field")
        with ui.element("div").classes("cb-pairs"):
            host = ui.input("Host or address").props('outlined hint="may be left empty"').classes("cb-field")
            port = ui.number("Port", min=1, max=65535, precision=0).props("outlined").classes("cb-field")

        async def pair() -> None:
            async with told("It is trusted now."):
                if bool(host.value) != bool(port.value):
                    raise ModelError("address", "one of host and port is missing", "give both, or neither")
                number = int(port.value) if port.value else None
                await eebus.pair(
                    str(ski.value), OWNER, name=str(name.value or ""), host=str(host.value) if host.value else None, port=number
                )
                dialog.close()

        with ui.row().classes("cb-dialog-buttons"):
            ui.button("Cancel", on_click=dialog.close).props("flat no-caps")
            ui.button("Pair", on_click=pair).props("unelevated no-caps")


def ask_to_unpair(eebus: EebusService, peer: PeerView) -> None:
    with ui.dialog(value=True) as dialog, ui.card().classes("cb-dialog"):
        dialog.on("hide", dialog.delete)
        ui.html("<h2>Unpair this device?</h2>", sanitize=False)
        ui.label(f"{peer.name}, SKI {written(peer.ski)}")
        if peer.kind == "control box":
            ui.html(
                '<p class="cb-risk">The grid operator can limit this site no longer. After 2 minutes without it the failsafe limit holds, '
                "and pairing it again may need the metering operator.</p>",
                sanitize=False,
            )
        else:
            ui.html("<p>It is told so and disconnected. To use it again, both sides have to pair again.</p>", sanitize=False)

        async def unpair() -> None:
            async with told(f"{peer.name} is unpaired."):
                await eebus.unpair(peer.ski, OWNER)
                dialog.close()

        with ui.row().classes("cb-dialog-buttons"):
            ui.button("Keep it", on_click=dialog.close).props("flat no-caps")
            ui.button("Unpair", on_click=unpair).props("unelevated no-caps color=negative")


def show_secret(eebus: EebusService) -> None:
    """Who has read the code can pair: it is shown when it is asked for, and gone when the dialog is."""
    with ui.dialog(value=True) as dialog, ui.card().classes("cb-dialog"):
        dialog.on("hide", dialog.delete)
        ui.html("<h2>Code for a control box</h2>", sanitize=False)
        ui.html(
            '<p class="cb-risk">This code has a secret in it: the control box that it is given to is trusted without asking you. '
            "Show it to your metering operator only.</p>",
            sanitize=False,
        )
        picture = ui.element("div").classes("cb-secret")

        async def show() -> None:
            async with told():
                code = eebus.secret_code()
                picture.clear()
                with picture:
                    ui.html(svg(code, "QR code with the pairing service's secret"), sanitize=False).classes("cb-qr")
                    ui.textarea(value=code).props('outlined readonly autogrow aria-label="Its text"').classes("cb-field")
                reveal.set_visibility(False)

        with ui.row().classes("cb-dialog-buttons"):
            reveal = ui.button("Show the code", on_click=show).props("unelevated no-caps")
            ui.button("Close", on_click=dialog.close).props("flat no-caps")
