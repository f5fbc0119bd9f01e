"""Running models: from pictures to tracked landmarks. Nothing here imports torch."""
