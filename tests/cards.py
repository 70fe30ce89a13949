"""A card that says no more than it must, for weights that tests make."""

from restora.learn.card import contract

CARD = {
    "name": "net", "method": "dncnn", "channels": 1, "multiple": 1, "halo": 1, "parameters": 1, "terms": "free",
    **contract(1, 0, "denoise"),
}  # fmt: skip
GREY, COLOUR = contract(1, 0, "denoise")["inputs"], contract(3, 0, "denoise")["inputs"]
"""The inputs of a net of one picture, for its export."""
