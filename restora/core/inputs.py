"""Inputs and products: what a method reads besides the picture, and returns besides the result.

Each is declared once, on the row of its method. The command line option, the field of the HTTP form, the argument in
Python, the checks, the id of the plan and the help come from the declaration.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["plane", "picture", "kernel", "boxes"]
"""plane: one value for each pixel, a grey picture of the same size. picture: a second picture, of any size.
kernel: a blur kernel, a small grey picture or words such as "motion(length=15, angle=30)".
boxes: rectangles, a JSON list of [top, left, height, width] in pixels, or words such as "10,20,30,40; 0,0,5,5", each
x,y,width,height."""


ALPHA: Mapping[str, str] = {"value": "alpha"}
"""The entry of a plan for the word alpha; see Input."""
FOUND = "found"
"""The word for what a net finds in the picture that the step receives; its entry in a plan also names the weights."""


@dataclass(frozen=True)
class Input:
    """Something that a method reads besides the picture.

    name: of the argument of the method's function, and also of the field and the option.
    plane: the plane of a trained net that it fills.
    alpha: whether the word "alpha" may be given, which stands for the fully transparent pixels of the picture.
    finder: weights that find it, so that the word "found" may be given; empty: it may not.
    instead: other inputs of the method that can be given instead of a required one.
    default: the method added to a plan if this is given and no step reads it; empty: such a plan is refused.
    """

    name: str
    kind: Kind
    help: str
    required: bool = True
    plane: str = ""
    alpha: bool = False
    finder: str = ""
    instead: tuple[str, ...] = ()
    default: str = ""

    @property
    def called(self) -> str:
        """The name in a sentence."""
        return self.name.replace("_", " ")

    @property
    def option(self) -> str:
        """The option of the command line."""
        return f"--{self.name.replace('_', '-')}"

    def as_dict(self) -> dict[str, Any]:
        """Plain values, as for JSON."""
        return {"kind": self.kind, "required": self.required, "description": self.help}


@dataclass(frozen=True)
class Product:
    """Something that a method returns besides the result, of the same kinds as inputs; written on request."""

    name: str
    kind: Kind
    help: str

    def as_dict(self) -> dict[str, Any]:
        """Plain values, as for JSON."""
        return {"kind": self.kind, "description": self.help}
