"""What is known of the weather, on quarter hours: measured up to now, forecast after it."""

from msgspec import Struct

from chargebridge.planning.forecast.grid import EMPTY, Past


class Weather(Struct, frozen=True, kw_only=True):
    """irradiance_w_m2: global, on the level ground. cloud: the covered share of the sky, 0..1. Each may reach beyond now; nan is unknown."""

    temperature_c: Past = EMPTY
    irradiance_w_m2: Past = EMPTY
    cloud: Past = EMPTY


UNKNOWN = Weather()
