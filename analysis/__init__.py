"""From tables to phases to pictures. Reads Parquet; knows nothing of how the runs were trained."""

if __name__ != "grokjax.analysis":
    raise ImportError("import grokjax.analysis, not analysis: the folder is a part of the package grokjax")
