"""Messages of a Chain 2 gateway at an Italian meter, as Chain2Gate sends them."""

import json
from datetime import datetime

from chargebridge.sim.telegrams.values import MeterValues

GATEWAY = "c2g-SIM000001"


def message(kind: str, at: datetime, payload: dict[str, object], *, gateway: str = GATEWAY, meter: str = "M1") -> bytes:
    """One message. kind: "CF1", "CF21" ... at: when the gateway passes it on."""
    data = {"Id": gateway, "Ts": f"{at:%Y/%m/%d %H:%M:%S}", "Meter": meter, "Type": kind, "Payload": payload}
    return json.dumps({"Chain2Data": data}, separators=(",", ":")).encode()


def info(*, gateway: str = GATEWAY, count: int = 0) -> bytes:
    """What the gateway answers to ``!``."""
    return json.dumps({"Chain2Info": {"Id": gateway, "Ip": "127.0.0.1", "ProgId": "C2G", "CFcountFromBoot": count}}).encode()


def quarter(values: MeterValues, *, prosumer: bool = False) -> bytes:
    """CF1."""
    told: dict[str, object] = _times(values.at, "Measure") | {
        "TariffCode": 1,
        "CurrQuartActEnergy": 0,
        "PrevQuartActEnergy": 0,
        "InstantPower": round(values.power_import_w),
        "QuartAveragePower": round(values.power_import_w),
        "TotalActEnergy": values.energy_import_wh,
    }
    if prosumer:
        told |= {"instantProdPower": round(values.power_export_w), "totalProdActEnergy": values.energy_export_wh}
    return message("CF1", values.at, told)


def moved(values: MeterValues, counter: int, *, prosumer: bool = False) -> bytes:
    """CF21, or CF51 where there is production: the power went beyond the gap."""
    told = _times(values.at, "Event") | {"EventType": 1, "EventsCounter": counter, "InstantPower": round(values.power_import_w)}
    if prosumer:
        return message("CF51", values.at, told | {"ProdInstantPower": round(values.power_export_w), "Gap": 300})
    return message("CF21", values.at, told)


def warning(values: MeterValues, counter: int, available_w: int, seconds: int) -> bytes:
    """CF22: more is drawn than is available, and the meter will switch off."""
    told = _times(values.at, "Event") | {
        "EventType": 1,
        "EventsCounter": counter,
        "InstantPower": round(values.power_import_w),
        "AvailablePower": available_w,
        "SwitchOffCountdownSeconds": seconds,
    }
    return message("CF22", values.at, told)


def contract(at: datetime, counter: int, *, contract_w: int = 3000, available_w: int = 3300, meter_id: str = "21E4E5KA000000001") -> bytes:
    """CF20."""
    told = _times(at, "Event") | {
        "EventType": 1,
        "EventsCounter": counter,
        "CustomerCode": "Non Disponibile",
        "POD": "IT001E00000000  ",
        "PESSE": 0,
        "Vendor": "Non Disponibile",
        "Phone": "Non Disponibile",
        "StartContract": "255/255/65535 [255]",
        "ContractPower": contract_w,
        "AvailablePower": available_w,
        "FreezingDay": "01/255/65535 [255]",
        "Gap": 300,
        "DataPlate": meter_id,
        "K": 0,
    }
    return message("CF20", at, told)


def _times(at: datetime, name: str) -> dict[str, object]:
    return {"MessagePosixTimestamp": int(at.timestamp()), f"{name}PosixTimestamp": int(at.timestamp())}
