"""From tables to phases to pictures. Reads Parquet; knows nothing of how the runs were trained."""
