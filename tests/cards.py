"""A card that says no more than it must, for weights that tests make."""

CARD = {"name": "net", "method": "dncnn", "channels": 1, "multiple": 1, "halo": 1, "parameters": 1, "terms": "free"}
