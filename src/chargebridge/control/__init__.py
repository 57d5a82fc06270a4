"""Decisions about the present: from limits, measurements and wishes to what every charging point may draw now.

Pure functions of values: ``decide(state, now)`` reads no clock, does no I/O and logs nothing, so that the same decision can be made again.
"""
