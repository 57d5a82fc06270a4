"""What a station says that it takes at once is heeded, and what must not be asked of it is not sent."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from ocpp_kit import RawStation, connect, until
from websockets.asyncio.server import serve
from websockets.http11 import Request, Response

from chargebridge.stations import commands as c
from chargebridge.stations.events import MonitorsCleared, MonitorsSet
from chargebridge.stations.ocpp.abilities import Abilities
from chargebridge.stations.ocpp.splitting import split
from chargebridge.stations.port import Outcome, Token

MODEL = {
    "DeviceDataCtrlr.ItemsPerMessage[GetVariables]": "3",
    "DeviceDataCtrlr.ItemsPerMessage[SetVariables]": "2",
    "DeviceDataCtrlr.ItemsPerMessage[GetReport]": "2",
    "MonitoringCtrlr.ItemsPerMessage[SetVariableMonitoring]": "1",
    "MonitoringCtrlr.ItemsPerMessage[ClearVariableMonitoring]": "2",
    "LocalAuthListCtrlr.ItemsPerMessage": "4",
    "OCPPCommCtrlr.NetworkConfigurationPriority": "1,0",
}


def _name(element: dict[str, Any]) -> str:
    instance = element["variable"].get("instance")
    return f"{element['component']['name']}.{element['variable']['name']}" + (f"[{instance}]" if instance else "")


def _variables(payload: dict[str, Any]) -> dict[str, Any]:
    results = []
    for element in payload["getVariableData"]:
        part = {"component": element["component"], "variable": element["variable"]}
        value = MODEL.get(_name(element))
        told = {"attributeStatus": "UnknownVariable"} if value is None else {"attributeStatus": "Accepted", "attributeValue": value}
        results.append(part | told)
    return {"getVariableResult": results}


def _set(payload: dict[str, Any]) -> dict[str, Any]:
    parts = ({"component": e["component"], "variable": e["variable"]} for e in payload["setVariableData"])
    return {"setVariableResult": [part | {"attributeStatus": "Accepted"} for part in parts]}


def _monitor(payload: dict[str, Any]) -> dict[str, Any]:
    kept = ("component", "variable", "type", "severity")
    results = [{n: e[n] for n in kept} | {"id": e["value"], "status": "Accepted"} for e in payload["setMonitoringData"]]
    return {"setMonitoringResult": [result | {"id": int(result["id"])} for result in results]}


async def narrow(bench: Any, version: str, **says: Any) -> RawStation:
    """A station that takes few elements at once, booted and set up."""
    station = await connect(bench.port, version=version)
    station.says = {
        "GetVariables": _variables,
        "SetVariables": _set,
        "SetVariableMonitoring": _monitor,
        "ClearVariableMonitoring": lambda p: {"clearMonitoringResult": [{"id": number, "status": "Accepted"} for number in p["id"]]},
    } | says
    await station.boot()
    assert await until(lambda: "SampledDataCtrlr.TxUpdatedInterval" in bench.station().setup, 10.0)
    return station


def sizes(station: RawStation, action: str, field: str) -> list[int]:
    return [len(frame[3][field]) for frame in station.asked if frame[2] == action]


@pytest.mark.ocpp("2.0.1", "B05.FR.11", "B06.FR.05", "N06.FR.04")
@pytest.mark.ocpp("2.1", "B05.FR.11", "B06.FR.05", "B08.FR.06", "N06.FR.04")
async def test_no_message_has_more_elements_than_the_station_takes(bench: Any, second: str) -> None:
    station = await narrow(bench, second)
    asked = sizes(station, "GetVariables", "getVariableData")
    assert asked[0] == 1, "how many may be asked at once is asked first, alone"
    assert max(asked) == 3
    station.asked.clear()
    give = bench.station().command
    names = tuple(f"A.V{number}" for number in range(7))
    read = await give(c.GetVariables(names=names))
    assert len(read.response["getVariableResult"]) == 7, "the answers come back as one"
    wrote = await give(c.SetVariables(values=dict.fromkeys(names, "1")))
    assert (wrote.outcome, len(wrote.response["setVariableResult"])) == (Outcome.ACCEPTED, 7)
    await give(c.GetCustomReport(request=1, names=names))
    await give(c.ClearMonitors(ids=(1, 2, 3, 4, 5)))
    assert sizes(station, "GetVariables", "getVariableData") == [3, 3, 1]
    assert sizes(station, "SetVariables", "setVariableData") == [2, 2, 2, 1]
    assert sizes(station, "GetReport", "componentVariable") == [2, 2, 2, 1]
    assert sizes(station, "ClearVariableMonitoring", "id") == [2, 2, 1]
    bench.sink.listed = tuple(Token(id=f"T{number}") for number in range(6))
    station.says["GetLocalListVersion"] = {"versionNumber": 1}
    await bench.station().refresh_local_list()
    assert sizes(station, "SendLocalList", "localAuthorizationList") == [4, 2]
    await station.close()


@pytest.mark.ocpp("2.0.1", "B05.FR.13")
@pytest.mark.ocpp("2.1", "B05.FR.13")
def test_an_attribute_is_set_once_in_a_message() -> None:
    one = {"component": {"name": "A"}, "variable": {"name": "V"}, "attributeValue": "1"}
    same, target = one | {"attributeType": "Actual", "attributeValue": "2"}, one | {"attributeType": "Target"}
    parts = split("SetVariables", {"setVariableData": [one, target, same]}, Abilities())
    assert [part["setVariableData"] for part in parts] == [[one, target], [same]]


async def test_bytes_are_heeded_too(bench: Any) -> None:
    station = await narrow(bench, "ocpp2.1")
    abilities = bench.station().abilities
    values = {f"A.V{number}": "x" * 400 for number in range(2)}
    abilities._values["DeviceDataCtrlr.BytesPerMessage[SetVariables]"] = "700"
    station.asked.clear()
    await bench.station().command(c.SetVariables(values=values))
    assert sizes(station, "SetVariables", "setVariableData") == [1, 1]
    await station.close()


@pytest.mark.ocpp("2.1", "B09.FR.21")
async def test_the_network_configuration_in_use_is_not_changed(bench: Any) -> None:
    station = await narrow(bench, "ocpp2.1")
    station.asked.clear()
    give = bench.station().command
    refused = await give(c.ConfigureNetwork(slot=1, settings={"OcppCsmsUrl": "wss://x"}))
    assert (refused.outcome, "in use" in refused.detail, station.asked) == (Outcome.UNSUPPORTED, True, [])
    assert (await give(c.ConfigureNetwork(slot=2, settings={"OcppCsmsUrl": "wss://x"}))).outcome is Outcome.ACCEPTED
    await give(c.SetVariables(values={"OCPPCommCtrlr.NetworkConfigurationPriority": "2"}))
    assert (await give(c.ConfigureNetwork(slot=2, settings={"OcppCsmsUrl": "wss://y"}))).outcome is Outcome.UNSUPPORTED
    assert (await give(c.ConfigureNetwork(slot=1, settings={"OcppCsmsUrl": "wss://y"}))).outcome is Outcome.ACCEPTED
    await station.close()


@pytest.mark.ocpp("2.1", "B09.FR.29", "B09.FR.30")
@pytest.mark.parametrize(
    ("settings", "enabled"),
    [
        ({"OcppCsmsUrl": "wss://x"}, {"ApnEnabled": "false", "VpnEnabled": "false"}),
        ({"Apn": "internet", "ApnUserName": "u"}, {"ApnEnabled": "true", "VpnEnabled": "false"}),
        ({"VpnServer": "v"}, {"ApnEnabled": "false", "VpnEnabled": "true"}),
    ],
)
async def test_apn_and_vpn_are_switched_on_only_where_they_are_configured(
    bench: Any, settings: dict[str, str], enabled: dict[str, str]
) -> None:
    station = await narrow(bench, "ocpp2.1")
    station.asked.clear()
    await bench.station().command(c.ConfigureNetwork(slot=3, settings=settings))
    sent = [element for frame in station.asked if frame[2] == "SetVariables" for element in frame[3]["setVariableData"]]
    assert {element["component"]["instance"] for element in sent} == {"3"}
    assert {e["variable"]["name"]: e["attributeValue"] for e in sent} == settings | enabled
    await station.close()


@asynccontextmanager
async def file_server(status: int) -> AsyncIterator[str]:
    """An HTTP server that answers everything with one status."""

    def answer(connection: Any, request: Request) -> Response:
        response: Response = connection.respond(status, "")
        response.headers["Location"] = "http://127.0.0.1/elsewhere"
        return response

    async with serve(lambda _: None, "127.0.0.1", 0, process_request=answer) as server:  # type: ignore[arg-type,return-value]
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/logs"


@pytest.mark.ocpp("2.1", "N01.FR.26", "N01.FR.27", "N01.FR.28")
@pytest.mark.parametrize(
    ("status", "end", "sent"), [(200, "", True), (200, "?to=/a", True), (307, "", False), (200, "#a", False), (200, "?to=a/", False)]
)
async def test_logs_are_not_asked_to_go_where_uploads_fail(bench: Any, status: int, end: str, sent: bool) -> None:
    station = await narrow(bench, "ocpp2.1", GetLog={"status": "Accepted"})
    async with file_server(status) as url:
        reply = await bench.station().command(c.GetLog(request=1, location=url + end))
    assert (reply.outcome is Outcome.ACCEPTED) == sent
    assert any(frame[2] == "GetLog" for frame in station.asked) == sent
    await station.close()


@pytest.mark.ocpp("2.0.1", "N09.FR.08", "N10.FR.09")
@pytest.mark.ocpp("2.1", "N09.FR.08", "N10.FR.09")
async def test_a_customers_certificate_is_named_by_the_hash_that_the_station_knows_it_by(bench: Any, second: str) -> None:
    chain = {"hashAlgorithm": "SHA384", "issuerNameHash": "a", "issuerKeyHash": "b", "serialNumber": "1"}
    installed = {"certificateType": "V2GCertificateChain", "certificateHashData": chain}
    says = {"status": "Accepted", "certificateHashDataChain": [installed]}
    station = await narrow(bench, second, GetInstalledCertificateIds=says)
    told = (await bench.station().command(c.GetCertificateIds())).response["certificateHashDataChain"][0]["certificateHashData"]
    for clear in (False, True):
        await bench.station().command(c.GetCustomerInformation(request=1, certificate=told, report=not clear, clear=clear))
        assert station.asked[-1][3]["customerCertificate"] == chain
    await station.close()


@pytest.mark.ocpp("2.0.1", "N10.FR.02")
@pytest.mark.ocpp("2.1", "N10.FR.02")
async def test_a_customer_whose_data_is_cleared_leaves_the_local_list(bench: Any, second: str) -> None:
    station = await narrow(bench, second)
    bench.sink.listed = (Token(id="GONE"), Token(id="STAYS"))
    station.says["GetLocalListVersion"] = {"versionNumber": 1}
    await bench.station().refresh_local_list()
    station.asked.clear()
    await bench.station().command(c.GetCustomerInformation(request=1, token=Token(id="GONE"), clear=True))
    (update,) = [frame[3] for frame in station.asked if frame[2] == "SendLocalList"]
    assert (update["versionNumber"], update["updateType"]) == (3, "Differential")
    assert update["localAuthorizationList"] == [{"idToken": {"idToken": "GONE", "type": "ISO14443"}}]
    await station.close()


async def test_monitors_that_were_set_or_cleared_are_told(bench: Any, second: str) -> None:
    station = await narrow(bench, second)
    bench.sink.told_events.clear()
    await bench.station().command(c.SetMonitor(name="EVSE@1.Power", kind="UpperThreshold", value=77, severity=4))
    await bench.station().command(c.ClearMonitors(ids=(77,)))
    made, gone = bench.sink.told_events
    assert isinstance(made, MonitorsSet)
    assert [(monitor.id, monitor.name, monitor.severity, monitor.by) for monitor in made.monitors] == [
        (77, "EVSE@1.Power", 4, "CustomMonitor")
    ]
    assert gone == MonitorsCleared(ids=(77,))
    await station.close()
