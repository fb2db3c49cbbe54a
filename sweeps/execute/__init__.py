"""Carries out a sweep: plans packs of runs, trains them on workers, and commits them to the root."""
