"""Live tracking: from a source to a view and a recording, and what a viewer may change meanwhile."""
