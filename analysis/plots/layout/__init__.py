"""The layout that all figures share: style, text, ticks, and panels on a page."""
