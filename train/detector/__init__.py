"""Training of the face detector: pictures composed on the fly from labelled faces."""
