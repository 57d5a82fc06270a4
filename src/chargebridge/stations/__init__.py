"""Charging stations, whatever they speak."""
