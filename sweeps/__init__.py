"""What to run, where it runs, and what is done: specs, plans, packs, the store, and Ray."""
