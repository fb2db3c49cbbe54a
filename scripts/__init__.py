"""The command line: one file per command, each a thin layer over sweeps and analysis."""

if __name__ != "grokjax.scripts":
    raise ImportError("import grokjax.scripts, not scripts: the folder is a part of the package grokjax")
