"""A card that says no more than it must, for weights that tests make."""

from restora.learn.card import contract

CARD = {
    "name": "net", "method": "dncnn", "channels": 1, "multiple": 1, "halo": 1, "parameters": 1, "terms": "free",
    **contract(1, {}, "denoise"),
}  # fmt: skip


def ends(channels=1):
    """The inputs and outputs of a net of one picture of so many channels, as to_onnx takes them."""
    return contract(channels, {}, "denoise")["inputs"], ["x_hat"]
