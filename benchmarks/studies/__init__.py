"""Measurements behind single design decisions."""
