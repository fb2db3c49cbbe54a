"""What is computed from labels: the phase grid, boundaries, delays, agreement between rules, the next points to train."""
