"""Analysis of a sweep's tables: labels, statistics, figures and the report. Independent of the code that trains runs."""

if __name__ != "grokjax.analysis":
    raise ImportError("import grokjax.analysis, not analysis: the folder is a part of the package grokjax")
