"""SHIP over real sockets: identity, trust, finding each other, connections. What is spoken over them is ``wire.eebus``."""
