"""SPINE 1.3.0: datagrams, what a device offers, and the node that talks about it."""
