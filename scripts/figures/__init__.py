"""Kinds of figures that have no command of their own, a file a kind."""
