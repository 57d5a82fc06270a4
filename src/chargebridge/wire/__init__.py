"""Languages: bytes <-> messages. No sockets, no clock, no model; each usable alone."""
