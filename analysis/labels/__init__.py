"""Rules that label runs from their summaries, and events read off curves. NumPy and pandas alone."""
