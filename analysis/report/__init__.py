"""The report page: a sweep as one HTML file that opens anywhere, offline. `write.write_report` writes it."""
