"""Sweeps: specs of what to run, plans and workers that run it (also on Ray), and the store of results."""

if __name__ != "grokjax.sweeps":
    raise ImportError("import grokjax.sweeps, not sweeps: the folder is a part of the package grokjax")
