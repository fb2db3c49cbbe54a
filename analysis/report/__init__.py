"""The page: a sweep as one HTML file that opens anywhere, offline. `grokjax.analysis.report.write.write_report` writes it."""
