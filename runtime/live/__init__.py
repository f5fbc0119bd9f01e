"""The loop of the live programs, and what a viewer may change while it runs."""
