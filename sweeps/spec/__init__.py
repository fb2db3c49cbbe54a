"""What to run: a TOML file becomes a validated `SweepSpec`, and that becomes groups of runs."""
