"""How far predicted landmarks are from the labels."""
