"""How figures are laid out: style, text, ticks, and panels on a page."""
