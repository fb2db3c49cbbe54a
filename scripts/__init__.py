"""The command line: a file a command, each a thin shell over sweeps and analysis."""
