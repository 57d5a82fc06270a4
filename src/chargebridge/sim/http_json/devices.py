"""What well-known devices tell: the pages of their HTTP interfaces, which are also the messages that they publish."""

from chargebridge.sim.telegrams.values import MeterValues


def shelly_3em(values: MeterValues) -> dict[str, object]:
    """``/status`` of the first generation, as its API documentation shows it (what a meter reader has no use for is left out)."""
    net_w = values.power_import_w - values.power_export_w
    emeters = [
        {
            "power": power,
            "pf": 1.0,
            "current": current,
            "voltage": voltage,
            "is_valid": voltage is not None,
            "total": values.energy_import_wh / 3,
            "total_returned": values.energy_export_wh / 3,
        }
        for power, current, voltage in zip(values.power_w_phases, values.current_a, values.voltage_v, strict=True)
    ]
    return {
        "wifi_sta": {"connected": True},
        "unixtime": int(values.at.timestamp()),
        "emeters": emeters,
        "total_power": net_w,
        "fs_mounted": True,
    }


def shelly_pro_3em(values: MeterValues) -> tuple[dict[str, object], dict[str, object]]:
    """``EM.GetStatus`` and ``EMData.GetStatus`` of the second generation."""
    live: dict[str, object] = {"id": 0, "n_current": None, "user_calibrated_phase": []}
    for name, power, current, voltage in zip("abc", values.power_w_phases, values.current_a, values.voltage_v, strict=True):
        live |= {
            f"{name}_act_power": power,
            f"{name}_current": current,
            f"{name}_voltage": voltage,
            f"{name}_pf": 1.0,
            f"{name}_freq": 50.0,
        }
    live["total_act_power"] = values.power_import_w - values.power_export_w
    counted: dict[str, object] = {"id": 0, "total_act": float(values.energy_import_wh), "total_act_ret": float(values.energy_export_wh)}
    return live, counted


def tasmota_sml(values: MeterValues) -> dict[str, object]:
    """``SENSOR`` of a reading head with the script of the map ``tasmota-sml``; over HTTP it stands in ``StatusSNS``."""
    told: dict[str, object] = {
        "Total_in": values.energy_import_wh / 1000,
        "Total_out": values.energy_export_wh / 1000,
        "Power_curr": round(values.power_import_w - values.power_export_w),
        "Meter_Id": values.meter_id,
    }
    for phase, (power, current, voltage) in enumerate(zip(values.power_w_phases, values.current_a, values.voltage_v, strict=True), 1):
        told |= {f"power_l{phase}": power, f"current_l{phase}": current, f"voltage_l{phase}": voltage}
    return {"Time": f"{values.at:%Y-%m-%dT%H:%M:%S}", "SML": told}
