"""Tasks, one in each file: examples to learn from. `base` has the class that they derive from."""
