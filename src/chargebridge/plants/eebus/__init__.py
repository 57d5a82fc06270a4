"""Plants that speak EEBUS: heat pumps and other loads that we limit (LPC) and read (MPC), and batteries that tell what they draw (MPC)."""

from chargebridge.plants.eebus.plants import EebusPlants

__all__ = ["EebusPlants"]
