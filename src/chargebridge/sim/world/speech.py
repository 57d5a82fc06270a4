"""In which rhythm and spelling each meter speaks."""

from collections.abc import Callable
from functools import partial

from chargebridge.sim.telegrams import han, p1, sml
from chargebridge.sim.telegrams.han import ListSize
from chargebridge.sim.telegrams.values import MeterValues
from chargebridge.sim.world.meter import Rhythm
from chargebridge.sim.world.scenario import Language

HOUR_S = 3600.0


def rhythm(language: Language) -> Rhythm:
    """P1 (DSMR 5) and SML: every second. Norwegian HAN: power every 2.5 s (not Kamstrup), all of it every 10 s, registers every hour."""
    match language:
        case Language.P1:
            return Rhythm(period_s=1.0, encode=lambda values, _: p1.encode(values))
        case Language.P1_FLEMISH:
            return Rhythm(period_s=1.0, encode=lambda values, _: p1.encode(values, current_decimals=2))
        case Language.P1_SWEDISH:
            return Rhythm(period_s=1.0, encode=lambda values, _: p1.encode_swedish(values))
        case Language.SML:
            return Rhythm(period_s=1.0, encode=_sml)
        case Language.AIDON:
            return Rhythm(period_s=2.5, encode=partial(_listed, han.aidon, 2.5))
        case Language.KAIFA:
            return Rhythm(period_s=2.5, encode=partial(_listed, han.kaifa, 2.5))
        case Language.KAMSTRUP:
            return Rhythm(period_s=10.0, encode=partial(_listed, han.kamstrup, 10.0))


def _sml(values: MeterValues, number: int) -> bytes:
    return sml.encode(values, seconds_index=number + 1, transaction=3 * number + 1)


def _listed(encode: Callable[[MeterValues, ListSize], bytes], period_s: float, values: MeterValues, number: int) -> bytes:
    if number % round(HOUR_S / period_s) == 0:
        return encode(values, ListSize.HOURLY)
    return encode(values, ListSize.FULL if number % round(10.0 / period_s) == 0 else ListSize.POWER)
