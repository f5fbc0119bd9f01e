"""What damage, overload and bad luck do: subjects that are tried many times, and one table of what came of it."""
