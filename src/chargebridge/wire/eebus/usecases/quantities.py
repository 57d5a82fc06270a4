"""What MPC and MGCP measure: each quantity is told by a measurement's description and the parameter of the electrical connection that it belongs to.

    quantity          measurementType  unit  scopeType                              phases / reference / type / variant
    total power       power            W     acPowerTotal                           abc / neutral / real / rms
    power             power            W     acPower                                a, b, c / neutral / real / rms
    energy            energy           Wh    acEnergyConsumed, acEnergyProduced     - / - / real / -
                                             (MGCP: gridConsumption, gridFeedIn)
    current           current          A     acCurrent                              a, b, c / - / real / rms
    voltage           voltage          V     acVoltage                              a, b, c to neutral, ab, bc, ca / apparent / rms
    frequency         frequency        Hz    acFrequency                            -

Positive is consumption, at the grid connection import.
"""

import msgspec

from chargebridge.wire.eebus.spine.functions.measurement import ElectricalConnectionParameterDescriptionData, MeasurementDescriptionData

PARAMETERS = "electricalConnectionParameterDescriptionListData"


class Quantity(msgspec.Struct, frozen=True):
    """scope: a scopeType. phases: "abc", "a" ...; empty where it has none. reference: the other phase, or "neutral"."""

    type: str
    unit: str
    scope: str
    phases: str = ""
    reference: str = ""

    @property
    def electrical(self) -> bool:
        """Whether it belongs to the electrical connection; a car's range does not."""
        return self.type in ("power", "energy", "current", "voltage", "frequency")

    def described(self, measurement_id: int) -> MeasurementDescriptionData:
        return MeasurementDescriptionData(
            measurement_id=measurement_id,
            measurement_type=self.type,
            commodity_type="electricity" if self.electrical or self.scope == "stateOfCharge" else None,
            unit=self.unit,
            scope_type=self.scope,
        )

    def parameter(self, measurement_id: int) -> ElectricalConnectionParameterDescriptionData:
        kind = {"power": "real", "energy": "real", "current": "real", "voltage": "apparent"}.get(self.type)
        return ElectricalConnectionParameterDescriptionData(
            electrical_connection_id=0,
            parameter_id=measurement_id,
            measurement_id=measurement_id,
            voltage_type="ac",
            ac_measured_phases=self.phases or None,
            ac_measured_in_reference_to=self.reference or None,
            ac_measurement_type=kind,
            ac_measurement_variant="rms" if self.phases else None,
        )


POWER = Quantity("power", "W", "acPowerTotal", "abc", "neutral")
POWERS = tuple(Quantity("power", "W", "acPower", phase, "neutral") for phase in "abc")
CONSUMED, PRODUCED = Quantity("energy", "Wh", "acEnergyConsumed"), Quantity("energy", "Wh", "acEnergyProduced")
IMPORTED, FED_IN = Quantity("energy", "Wh", "gridConsumption"), Quantity("energy", "Wh", "gridFeedIn")
CURRENTS = tuple(Quantity("current", "A", "acCurrent", phase) for phase in "abc")
VOLTAGES = tuple(Quantity("voltage", "V", "acVoltage", phase, "neutral") for phase in "abc")
LINE_VOLTAGES = tuple(Quantity("voltage", "V", "acVoltage", one, other) for one, other in ("ab", "bc", "ca"))
FREQUENCY = Quantity("frequency", "Hz", "acFrequency")


class Monitoring(msgspec.Struct, frozen=True):
    """A use case of measuring. actor: of the side that measures. scenarios: by number, what each tells. version, revision: of its document."""

    name: str
    actor: str
    scenarios: dict[int, tuple[Quantity, ...]]
    version: str = "1.0.0"
    revision: str = "release"

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        return tuple(quantity for all_ in self.scenarios.values() for quantity in all_)


MPC = Monitoring(
    name="monitoringOfPowerConsumption",
    actor="MonitoredUnit",
    scenarios={1: (POWER, *POWERS), 2: (CONSUMED, PRODUCED), 3: CURRENTS, 4: (*VOLTAGES, *LINE_VOLTAGES), 5: (FREQUENCY,)},
)
MGCP = Monitoring(
    name="monitoringOfGridConnectionPoint",
    actor="GridConnectionPoint",
    scenarios={2: (POWER,), 3: (FED_IN,), 4: (IMPORTED,), 5: CURRENTS, 6: (*VOLTAGES, *LINE_VOLTAGES), 7: (FREQUENCY,)},
)


def told_by(described: MeasurementDescriptionData, parameter: ElectricalConnectionParameterDescriptionData | None) -> Quantity:
    """The quantity of a measurement of a peer. A total power may name the connected phases only; it is the total all the same."""
    phases = (parameter.ac_measured_phases if parameter else None) or ""
    reference = (parameter.ac_measured_in_reference_to if parameter else None) or ""
    if described.scope_type == POWER.scope:
        return POWER
    if described.measurement_type == "voltage":
        between = {*phases, reference} - {""}
        phases, reference = next(
            ((one.phases, one.reference) for one in LINE_VOLTAGES if {one.phases, one.reference} == between), (phases, reference)
        )
    kept = reference if described.measurement_type in ("power", "voltage") else ""
    return Quantity(described.measurement_type or "", described.unit or "", described.scope_type or "", phases, kept)
