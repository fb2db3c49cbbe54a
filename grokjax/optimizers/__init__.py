"""Optimizers: how gradients become updates. A file a family; `base` says what each must offer."""
