"""The engine: one run is a pure function, lanes of it are vmapped, and a host loop keeps the lanes filled."""
