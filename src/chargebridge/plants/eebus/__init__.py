"""Plants that speak EEBUS: heat pumps and other loads, limited (LPC) and read (MPC); batteries and inverters that tell what they draw (MPC)."""

from chargebridge.plants.eebus.plants import EebusPlants

__all__ = ["EebusPlants"]
