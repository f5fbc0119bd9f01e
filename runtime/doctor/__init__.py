"""What this computer has for running models, and what is wrong with it."""
