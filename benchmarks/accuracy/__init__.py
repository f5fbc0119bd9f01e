"""How far landmarks lie from labels."""
