"""The command line: a file a command, each a thin shell over sweeps and analysis."""

if __name__ != "grokjax.scripts":
    raise ImportError("import grokjax.scripts, not scripts: the folder is a part of the package grokjax")
