"""What more than one room of floor 2 needs to keep a connection: Modbus over TCP and serial lines, and when to try again."""
