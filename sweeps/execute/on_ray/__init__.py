"""Everything that calls Ray: connecting to a cluster, and the pool of workers on it."""
