"""Benchmarks behind the claims about speed and coverage: one file each, which prints a table. Run them from an editable install."""
