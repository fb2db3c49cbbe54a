"""Rules that label runs from their summaries, and events read off curves. Needs only NumPy and pandas."""
