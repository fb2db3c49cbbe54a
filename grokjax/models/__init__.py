"""Models: from inputs to outputs. A file a model; `base` says what each must offer."""
