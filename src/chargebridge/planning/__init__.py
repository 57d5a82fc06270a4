"""Look-ahead, pure: a problem in, a schedule out. Nothing here waits, asks the time or talks to anybody but the solver."""
