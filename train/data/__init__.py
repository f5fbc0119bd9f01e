"""Labelled pictures as training batches."""
