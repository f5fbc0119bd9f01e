"""Tracking in clips whose motion is known exactly."""
