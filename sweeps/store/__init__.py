"""The store: the objects under a root, the columns of its tables, and code to read, verify and compact them."""
