"""What a 2.x station says of itself that we have to heed: how much fits into a message (part 2, 2.1), and which parts of OCPP it has.

Learned from its device model: asked for in the set-up after a boot, and again wherever a report or an answer tells it.
"""

import re

from chargebridge.stations.events import DeviceReport

ASKED_FIRST = "DeviceDataCtrlr.ItemsPerMessage[GetVariables]"
"""How many variables may be asked for at once; so it is asked for alone."""
LIMITED = {
    "GetVariables": "DeviceDataCtrlr",
    "SetVariables": "DeviceDataCtrlr",
    "GetReport": "DeviceDataCtrlr",
    "SetVariableMonitoring": "MonitoringCtrlr",
    "ClearVariableMonitoring": "MonitoringCtrlr",
}
MAX_EXTERNAL_ID = "SmartChargingCtrlr.MaxExternalConstraintsId"
PHASE_SWITCHING = "SmartChargingCtrlr.ACPhaseSwitchingSupported"
ISO15118 = "ISO15118Ctrlr.Enabled"
V2X = "V2XChargingCtrlr.Enabled"
OF_EVSES = (PHASE_SWITCHING, ISO15118, V2X)
"""Variables that each EVSE may have for itself."""
NETWORK_PRIORITY = "OCPPCommCtrlr.NetworkConfigurationPriority"
LOCAL_LIST = "LocalAuthListCtrlr.{}PerMessage"
OF_BOTH = (
    *(f"{component}.{what}PerMessage[{action}]" for action, component in LIMITED.items() for what in ("Items", "Bytes")),
    LOCAL_LIST.format("Items"),
    LOCAL_LIST.format("Bytes"),
    NETWORK_PRIORITY,
    PHASE_SWITCHING,
    "DisplayMessageCtrlr.Available",
    "TariffCostCtrlr.Available[Tariff]",
)
OF_21 = (
    "TxCtrlr.SupportedLimits",
    "SmartChargingCtrlr.ChargingProfilePersistence[TxProfile]",
    "TariffCostCtrlr.Enabled[Tariff]",
    "PaymentCtrlr.ReceiptByCSMS",
    "PaymentCtrlr.SettlementByCSMS",
    MAX_EXTERNAL_ID,
    ISO15118,
    V2X,
)
KNOWN = frozenset((*OF_BOTH, *OF_21))


def of_evse(name: str, evse: int) -> str:
    """The variable of an EVSE."""
    component, _, variable = name.partition(".")
    return f"{component}@{evse}.{variable}"


def _bare(name: str) -> str:
    """Without its EVSE."""
    return re.sub(r"@[0-9]+(?=\.)", "", name)


class Abilities:
    """The values of those variables, by name."""

    def __init__(self) -> None:
        self._values: dict[str, str] = {}

    def learn(self, report: DeviceReport) -> None:
        for variable in report.variables:
            name = variable.name.replace("Ctrl.", "Ctrlr.")  # the specification itself writes both
            if _bare(name) in KNOWN and variable.attribute == "Actual" and variable.value is not None:
                self._values[name] = variable.value

    def text(self, name: str) -> str:
        """ "" when it is not known."""
        return self._values.get(name, "")

    def flag(self, name: str, evse: int | None = None) -> bool:
        """Of an EVSE: its own variable, else the station's."""
        own = "" if evse is None else self.text(of_evse(name, evse))
        return (own or self.text(name)).lower() == "true"

    def anywhere(self, name: str) -> bool:
        """Of the station, or of any of its EVSEs."""
        return any(value.lower() == "true" for known, value in self._values.items() if _bare(known) == name)

    @property
    def bidirectional(self) -> bool:
        """Whether cars are let discharge by ISO 15118 (2.1 Q01)."""
        return self.anywhere(ISO15118) and self.anywhere(V2X)

    @property
    def max_external_id(self) -> int | None:
        """The highest id of a charging profile that the station keeps to itself (2.1 K01.FR.80)."""
        try:
            return int(self._values[MAX_EXTERNAL_ID])
        except (KeyError, ValueError):
            return None

    def members(self, name: str) -> tuple[str, ...]:
        return tuple(part.strip() for part in self.text(name).split(",") if part.strip())

    def items(self, action: str) -> int | None:
        """How many elements fit into a message; None: not said."""
        return self._number(f"{LIMITED[action]}.ItemsPerMessage[{action}]" if action in LIMITED else LOCAL_LIST.format("Items"))

    def bytes(self, action: str) -> int | None:
        return self._number(f"{LIMITED[action]}.BytesPerMessage[{action}]" if action in LIMITED else LOCAL_LIST.format("Bytes"))

    def _number(self, name: str) -> int | None:
        try:
            return max(int(self._values[name]), 1)
        except (KeyError, ValueError):
            return None

    @property
    def shows_messages(self) -> bool:
        """Whether a driver can be told something by this station (I01.FR.02)."""
        tariff = self.flag("TariffCostCtrlr.Available[Tariff]") or self.flag("TariffCostCtrlr.Enabled[Tariff]")
        return tariff or self.flag("DisplayMessageCtrlr.Available")

    @property
    def limits(self) -> frozenset[str]:
        """The limits of a transaction that it takes: maxCost, maxEnergy, maxTime, maxSoC (2.1 E16.FR.12)."""
        return frozenset(self.members("TxCtrlr.SupportedLimits"))
