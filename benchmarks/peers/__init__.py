"""Adapters for other projects' landmark models; `host.py` runs each in a process and environment of its own."""
