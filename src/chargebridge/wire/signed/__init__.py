"""Signed meter values of charging stations: from the formats of meters and stations to one normal form. Each format is a file.

What is here reads; it neither knows whose key a key is nor says what may be billed (``calibration`` does).
"""
