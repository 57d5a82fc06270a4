"""One HTTP server for all forms. It knows prices (UTC start -> EUR/MWh, of equal steps) and the weather of each hour."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

from chargebridge.sim.http_server import HttpServer, Response
from chargebridge.sim.market.forms import Weather, awattar, energy_charts, entsoe, no_data, open_meteo

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class MarketService(HttpServer):
    """token: that ENTSO-E's form has to be shown. busy: so many requests are answered 503 first. asked: the requests, in order."""

    def __init__(
        self,
        prices: Mapping[datetime, float] | None = None,
        weather: Mapping[datetime, Weather] | None = None,
        *,
        step_s: float = 900.0,
        token: str = "",
    ) -> None:
        super().__init__()
        self.prices, self.weather, self.step_s = dict(prices or {}), dict(weather or {}), step_s
        self.token = token
        self.busy = 0
        self.garbage = False
        self.asked: list[tuple[str, dict[str, str]]] = []

    def url_of(self, form: str) -> str:
        return f"{self.url}/{form}"

    def answer(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Response:
        parts = urlsplit(target)
        query = dict(parse_qsl(parts.query))
        self.asked.append((parts.path, query))
        return self._answer(parts.path, query)

    def _answer(self, path: str, query: dict[str, str]) -> Response:
        if self.busy > 0:
            self.busy -= 1
            return 503, "text/plain", b"try later"
        if self.garbage:
            return 200, "text/html", b"<html><body>Down for maintenance</body></html>"
        try:
            match path:
                case "/entsoe":
                    return self._entsoe(query)
                case "/awattar":
                    since, until = (EPOCH + timedelta(milliseconds=float(query[name])) for name in ("start", "end"))
                    return 200, "application/json", awattar(self._between(since, until), self.step_s)
                case "/energy-charts":
                    since, until = (datetime.fromisoformat(query[name]) for name in ("start", "end"))
                    return 200, "application/json", energy_charts(self._between(since, until))
                case "/open-meteo":
                    first, last = (datetime.fromisoformat(query[name]).replace(tzinfo=UTC) for name in ("start_date", "end_date"))
                    inside = {at: each for at, each in sorted(self.weather.items()) if first <= at < last + timedelta(days=1)}
                    return 200, "application/json", open_meteo(inside, query)
                case _:
                    return 404, "text/plain", b""
        except (KeyError, ValueError) as error:
            return 400, "application/json", f'{{"error": true, "reason": "{error!r}"}}'.encode()

    def _entsoe(self, query: dict[str, str]) -> Response:
        if query.get("securityToken") != self.token:
            return 401, "text/xml", b"<html>Unauthorized</html>"
        if query["documentType"] != "A44" or query["in_Domain"] != query["out_Domain"]:
            return 400, "text/xml", no_data("999", "Parameters do not match")
        since, until = (datetime.strptime(query[name], "%Y%m%d%H%M").replace(tzinfo=UTC) for name in ("periodStart", "periodEnd"))
        inside = self._between(since, until)
        if not inside:
            return 200, "text/xml", no_data("999", f"No matching data found for {query['in_Domain']}")
        return 200, "text/xml", entsoe(inside, self.step_s, query["in_Domain"])

    def _between(self, since: datetime, until: datetime) -> dict[datetime, float]:
        return {at: price for at, price in sorted(self.prices.items()) if since <= at < until}
