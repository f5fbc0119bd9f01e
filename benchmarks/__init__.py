"""Measuring: accuracy and latency."""
