"""Operating the charging stations: their messages, commands with their outcome, firmware campaigns, and stations from files."""

from chargebridge.site.operation.office import Office

__all__ = ["Office"]
