"""The public-key registry as a service of its own: for operators of charging points, and for everybody who wants to look a key up."""
