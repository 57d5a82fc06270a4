"""Smart meters: telegrams from serial ports, networks and files to readings."""
