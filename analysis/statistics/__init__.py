"""Statistics of labels: the phase grid, boundaries, delays, agreement between rules, and the next points to train."""
