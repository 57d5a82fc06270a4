"""The commands, one file a group. Each that prints facts prints them as JSON lines with ``--json``."""
