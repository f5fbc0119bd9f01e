"""Training: augmentation, loop and recipes."""
