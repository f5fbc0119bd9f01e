"""Model files: what they say about themselves, how they are named, and how they are checked."""
