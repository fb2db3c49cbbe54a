"""Tasks: what is to be learned. A file a task; `base` says what each must offer."""
