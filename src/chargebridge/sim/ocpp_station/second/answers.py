"""What a station answers to the calls of an OCPP 2.x CSMS, block by block."""

from chargebridge.sim.ocpp_station.second import (
    availability,
    der,
    display,
    lists,
    monitoring,
    provisioning,
    schedules,
    security,
    swap,
    tariffs,
    upkeep,
    v2x,
)
from chargebridge.sim.ocpp_station.second.block import Answers

ANSWERS: Answers = {}
for _block in (provisioning, lists, availability, schedules, v2x, upkeep, security, monitoring, display, tariffs, der, swap):
    ANSWERS |= _block.ANSWERS
