"""Running models: from pictures to tracked landmarks. Never imports torch."""
