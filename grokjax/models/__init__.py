"""Models, one in each file: maps from inputs to outputs. `base` has the class that they derive from."""
