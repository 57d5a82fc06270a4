"""Telegrams as real meters send them, from plain values: the other way round to ``wire.meter``."""
