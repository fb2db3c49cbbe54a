"""The tables of a root as pandas frames, arrays, SQL views and exported files."""
