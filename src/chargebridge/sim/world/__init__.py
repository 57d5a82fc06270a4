"""The true physics of a property, and the counterparts that show it over real sockets."""
