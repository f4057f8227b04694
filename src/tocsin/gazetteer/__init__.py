"""Place names to coordinates: `embedded.py` is the index in the wheel, the others are services on the network."""
