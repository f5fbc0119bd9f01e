"""The face detector's network and losses."""
