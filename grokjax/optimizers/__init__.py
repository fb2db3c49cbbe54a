"""Optimizers, a family in each file: how gradients become updates. `base` has the class that they derive from."""
