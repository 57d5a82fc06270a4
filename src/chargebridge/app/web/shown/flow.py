"""The power flow: five parties around the main board, each with its watts and a word for the direction."""

from typing import Any

from chargebridge.app.web import words
from chargebridge.model.session import PointStatus
from chargebridge.site.view import SiteView

_STILL_W = 25.0
"""Below this a flow is drawn as none: meters tremble."""


def flow(view: SiteView) -> dict[str, Any]:
    parties = [_pv(view)] if view.flow.pv_w is not None or "pv" in view.flow.silent else []
    parties.append(_grid(view))
    if view.batteries:
        parties.append(_battery(view))
    parties += [_house(view), _cars(view)]
    return {"parties": parties, "sentence": words.sentence(view.grant_reason), "grant": _grant(view)}


def _party(key: str, label: str, icon: str, side: str, watts: float | None, word: str, inward: bool) -> dict[str, Any]:
    """inward: the power runs to the board."""
    return {
        "key": key,
        "label": label,
        "icon": icon,
        "side": side,
        "known": watts is not None,
        "watts": round(abs(watts or 0.0)) if abs(watts or 0.0) >= _STILL_W else 0,
        "text": words.power(abs(watts) if watts is not None else None),
        "word": word,
        "inward": inward,
    }


def _pv(view: SiteView) -> dict[str, Any]:
    watts = view.flow.pv_w
    word = "no reading" if watts is None else "producing" if watts >= _STILL_W else "at rest"
    return _party("pv", "Solar", "solar_power", "left", watts, word, inward=True)


def _grid(view: SiteView) -> dict[str, Any]:
    watts = view.flow.grid_w
    if watts is None:
        word = "meter lost" if "grid" in view.flow.silent else "no meter here"
    elif abs(watts) < _STILL_W:
        word = "in balance"
    else:
        word = "from the grid" if watts > 0 else "to the grid"
    return _party("grid", "Grid", "electrical_services", "left", watts, word, inward=watts is None or watts >= 0)


def _battery(view: SiteView) -> dict[str, Any]:
    watts = view.flow.battery_w
    stored = [b.soc for b in view.batteries if b.soc is not None]
    soc = f"{words.number(100 * sum(stored) / len(stored))} %" if stored else ""
    word = "no reading" if watts is None else "resting" if abs(watts) < _STILL_W else "charging" if watts > 0 else "discharging"
    return _party("battery", "Battery", "battery_full", "left", watts, f"{soc}, {word}" if soc else word, inward=watts is None or watts < 0)


def _house(view: SiteView) -> dict[str, Any]:
    return _party("house", "House", "home", "right", view.flow.house_w, "using" if view.flow.house_w is not None else "not measured", False)


def _cars(view: SiteView) -> dict[str, Any]:
    charging = sum(point.status is PointStatus.CHARGING for point in view.points)
    plugged = sum(point.online and point.status.has_car for point in view.points)
    giving = sum(point.discharge_w > 0 for point in view.points)
    if view.flow.cars_w <= -_STILL_W:
        word = f"{words.several(giving, 'car')} giving back"
    elif charging:
        word = f"{charging} of {plugged} charging" if plugged > charging else f"{charging} charging"
    else:
        word = f"{words.several(plugged, 'car')} waiting" if plugged else "no car plugged in"
    return _party("cars", "Cars", "electric_car", "right", view.flow.cars_w, word, inward=view.flow.cars_w < 0)


def _grant(view: SiteView) -> dict[str, Any]:
    """TF-EVC 3.2.6: what all cars need, wish and are granted, as fractions of the greatest."""
    whole = max(view.wished_w, view.granted_w, view.needed_w, 1.0)
    return {
        "any": view.wished_w > 0 or view.granted_w > 0,
        "granted": view.granted_w / whole,
        "needed": view.needed_w / whole,
        "granted_text": words.power(view.granted_w),
        "wished_text": words.power(view.wished_w),
        "needed_text": words.power(view.needed_w),
    }
