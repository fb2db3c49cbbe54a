"""What to run, where it runs, and what is done: specs, plans, packs, the store, and Ray."""

if __name__ != "grokjax.sweeps":
    raise ImportError("import grokjax.sweeps, not sweeps: the folder is a part of the package grokjax")
