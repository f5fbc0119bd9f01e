"""How long models take, how much memory and how much energy."""
