"""chargebridge joins EV charging stations, smart meters and grid operators."""

__version__ = "0.1.0"
