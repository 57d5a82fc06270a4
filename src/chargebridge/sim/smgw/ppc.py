"""PPC LTE Smart Meter Gateway: pages behind one CGI, one session at a time."""

import secrets
from datetime import datetime
from decimal import Decimal
from xml.sax.saxutils import escape
from zoneinfo import ZoneInfo

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs7 import PKCS7Options, PKCS7SignatureBuilder

from chargebridge.model.clock import Clock
from chargebridge.sim.smgw.door import Door, Request, Response
from chargebridge.sim.smgw.meter import GatewayMeter, Register
from chargebridge.sim.smgw.pki import Identity

_PATH = "/cgi-bin/hanservice.cgi"
_ZONE = ZoneInfo("Europe/Berlin")
_FORM = "%Y-%m-%d %H:%M:%S"
_UNITS = {30: ("kWh", -3), 27: ("W", 0), 35: ("V", 0), 33: ("A", 0)}
_XML = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<ns1:object class_id="7" class_version="1" xmlns:ns1="urn:k461-dke-de:profile_generic-1"'
    ' xmlns:ns2="urn:k461-dke-de:extension-1"><ns1:attributes><ns1:capture_objects id="2">{objects}</ns1:capture_objects>'
    '<ns1:buffer id="3"><ns1:simple_data>{columns}</ns1:simple_data></ns1:buffer></ns1:attributes></ns1:object>'
)


class PpcGateway(Door):
    """Locks everybody out for five minutes after three wrong passwords. Who comes while somebody is logged in gets a page without a cookie.

    Ids of meters are good for one session, those for a span of time for one form; a file is exported for either. Every page brings a new token;
    all of a session's are taken, or none at all. In both, public clients differ. strict: only the newest token is taken. ``logouts`` counts.
    """

    realm = "SMGW HAN"
    failures_to_lock = 3
    strict = False

    def __init__(self, identity: Identity, clock: Clock, meters: list[GatewayMeter], **login: str) -> None:
        super().__init__(identity, clock, **login)
        self.meters = meters
        self.logouts = 0
        self.session: str | None = None
        self._tokens: list[str] = []
        self._mids: dict[str, GatewayMeter] = {}
        self._span_mids: dict[str, GatewayMeter] = {}

    def refuse(self) -> Response:
        assert self.locked_until is not None
        minutes, seconds = divmod(int((self.locked_until - self.clock.now()).total_seconds()), 60)
        return _html(f"<p>Das Portal ist für {minutes} Minuten und {seconds} Sekunden gesperrt.</p>")

    def answer(self, request: Request) -> Response:
        if request.path != _PATH:
            return Response(404)
        if request.method == "GET":
            if self.session is not None and request.cookies.get("session") == self.session:
                return self._page("<h1>Willkommen</h1>")
            if self.session is not None:
                return _html("<p>Es ist bereits ein Benutzer angemeldet.</p>")
            self.session = secrets.token_hex(8)
            return self._page("<h1>Willkommen</h1>", {"Set-Cookie": f"session={self.session}; Path=/; Secure; HttpOnly"})
        form = request.form
        if request.cookies.get("session") != self.session or not self._token_fits(form.get("tkn")):
            return _html("<p>Anmeldung fehlgeschlagen. Bitte schliessen Sie das Fenster und melden Sie sich erneut an.</p>")
        match form.get("action"):
            case "meterform":
                self._mids = {secrets.token_hex(6): meter for meter in self.meters}
                options = "".join(f'<option value="{mid}">01005e318002.{m.number.lower()}.sm</option>' for mid, m in self._mids.items())
                return self._page(f'<select id="meterform_select_meter" name="mid">{options}</select>')
            case "showMeterProfile" if form.get("mid") in self._mids:
                return self._page(self._table(self._mids[form["mid"]], 1))
            case "showMeterValuesForm" if form.get("mid") in self._mids:
                mid = secrets.token_hex(6)
                self._span_mids = {mid: self._mids[form["mid"]]}
                return self._page(f'<form name="input_metervalues"><input type="hidden" name="mid" value="{mid}"/></form>')
            case "exportMeterValues" if form.get("mid") in self._mids | self._span_mids:
                meter = self._span_mids.pop(form["mid"], None) or self._mids[form["mid"]]
                start, end = (datetime.strptime(form[name], _FORM).replace(tzinfo=_ZONE) for name in ("from", "to"))
                return Response(body=self.export(meter, start, end), headers={"Content-Type": "application/octet-stream"})
            case "logout":
                self.session, self._tokens, self._mids, self._span_mids = None, [], {}, {}
                self.logouts += 1
                return _html("<p>Abgemeldet</p>")
        return self._page("<p>Fehler</p>")

    def _token_fits(self, token: str | None) -> bool:
        return token == self._tokens[-1] if self.strict else token is None or token in self._tokens

    def _page(self, content: str, headers: dict[str, str] | None = None) -> Response:
        self._tokens.append(secrets.token_hex(8))
        foot = '<p id="div_fwversion">00861-34788</p>'
        return _html(f'<form><input type="hidden" name="tkn" value="{self._tokens[-1]}"/></form>{content}{foot}', headers)

    def _table(self, meter: GatewayMeter, most: int) -> str:
        return table(meter, [at for at in meter.moments if at <= self.clock.now()][:most])

    def export(self, meter: GatewayMeter, start: datetime, end: datetime) -> bytes:
        """The signed file of a span."""
        registers = list(enumerate(meter.registers, 1))
        objects = "".join(
            f'<ns1:capture_object id="{n}"><ns2:logical_name>{escape(meter.logical_name(r))}</ns2:logical_name></ns1:capture_object>'
            for n, r in registers
        )
        columns = "".join(f'<ns1:column id="{n}">{self._entries(r, start, end)}</ns1:column>' for n, r in registers)
        data = _XML.format(objects=objects, columns=columns).encode()
        signer = PKCS7SignatureBuilder().set_data(data).add_signer(self.identity.certificate, self.identity.key, hashes.SHA256())
        return signer.sign(Encoding.DER, [PKCS7Options.Binary])

    def _entries(self, register: Register, start: datetime, end: datetime) -> str:
        return "".join(self._entry(register, at, raw) for at, raw in reversed(register.between(start, min(end, self.clock.now()))))

    def _entry(self, register: Register, at: datetime, raw: int) -> str:
        signature = self.identity.key.sign(f"{register.code} {at} {raw}".encode(), ec.ECDSA(hashes.SHA256())).hex()
        return (
            f"<ns1:entry_gateway_signed><ns2:value><ns2:long64>{raw}</ns2:long64></ns2:value><ns2:scaler>{register.scaler}</ns2:scaler>"
            f"<ns2:unit>{register.unit}</ns2:unit><ns2:status><ns2:unsigned>0</ns2:unsigned></ns2:status>"
            f"<ns2:capture_time>{at:%Y-%m-%dT%H:%M:%SZ}</ns2:capture_time><ns2:smgw_signature>{signature}</ns2:smgw_signature>"
            "</ns1:entry_gateway_signed>"
        )


def table(meter: GatewayMeter, moments: list[datetime]) -> str:
    """The table of values at ``moments``: newest first, local time, and only the first row of each moment has time and validity."""
    rows: list[str] = []
    for at in sorted(moments, reverse=True):
        told = f"{at.astimezone(_ZONE):{_FORM}}", "1"
        for register in meter.registers:
            raw = dict(register.stored).get(at)
            if raw is None:
                continue
            unit, power = _UNITS[register.unit]
            cells = {
                "timestamp": told[0],
                "obis": register.obis,
                "wert": f"{Decimal(raw).scaleb(register.scaler + power):f}",
                "einheit": unit,
                "istvalide": told[1],
            }
            line = "".join(f'<td id="table_metervalues_col_{name}">{text}</td>' for name, text in cells.items())
            rows.append(f'<tr id="table_metervalues_line{len(rows) + 1}">{line}</tr>')
            told = "", ""
    return f'<table id="metervalue"><tr id="table_metervalues_header"><th>Zeitstempel</th></tr>{"".join(rows)}</table>'


def _html(content: str, headers: dict[str, str] | None = None) -> Response:
    page = f"<!DOCTYPE html><html><body>{content}</body></html>".encode()
    return Response(body=page, headers={"Content-Type": "text/html; charset=utf-8", **(headers or {})})
