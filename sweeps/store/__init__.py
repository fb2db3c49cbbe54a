"""What lies under a root: objects, their keys, the tables' columns, and how they are read, checked and compacted."""
