"""How many faces the detector finds, and how often it sees one where there is none."""
