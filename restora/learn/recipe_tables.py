"""The tables of a recipe: its data, and the settings of each game."""

from dataclasses import dataclass, field

from restora.core.errors import BadRecipe

CRITIC_LOSSES = ("logistic", "least-squares", "hinge")
CRITICS = ("srgan", "patchgan", "temporal")
"""Critics of nets.critic: Critic, PatchGAN and TemporalCritic."""
DIRECTIONS = ("AtoB", "BtoA")


def check(rules: list[tuple[bool, str]], before: str = "") -> None:
    """Raise BadRecipe with the first rule that does not hold."""
    for holds, rule in rules:
        if not holds:
            raise BadRecipe(before + rule)


@dataclass(frozen=True)
class Data:
    """The source of pairs (y, x): photographs and damage. Levels are on the 0..1 scale."""

    folders: list[str] = field(default_factory=list)  # folders of pictures, in the current folder or in $RESTORA_DATA
    damage: str | list[str] = ""  # damage words; a..b: a new random value per patch; of several, each patch gets one
    pairs: str = ""  # instead of folders and damage: a folder of pairs (data.pairs); for [cycle] without pairs
    direction: str = "AtoB"  # of pairs: from A to B, or BtoA
    licence: str = ""  # licence of pictures that are not in SOURCES.csv of their folder
    leave_out: str = ""  # a file that lists pictures to exclude from training
    hold_out: int = 8  # number of pictures held out for validation: those with the lowest checksums
    clips: list[str] = field(default_factory=list)  # folders of clips, for nets that see several frames
    unpaired: list[str] = field(default_factory=list)  # for [cycle]: folders of damaged pictures
    shrinks: list[int] = field(default_factory=lambda: [1])  # factors by which each picture is shrunk; 1: original size
    turned: bool = True  # whether patches are turned by multiples of 90 degrees; all are mirrored at random
    grey_share: float = 0.0  # share of the patches that are grey: all channels equal, noise too
    eight_bit_share: float = 0.0  # share of the damaged patches clipped and rounded to 8 bits
    told_share: float = 0.0  # share of the patches with Gaussian noise for which the net is given sigma (knob `told`)
    grain: str = ""  # words of noise that belongs to the clean picture: a net must go by sigma to tell it from damage
    grain_share: float = 0.0  # share of the patches with such grain
    margin: int = 0  # pixels around a patch that are cut off after the damage: blur comes from what is really there
    targets: str = "clean"  # "noisy": a second damaged version instead of the clean one (Noise2Noise); "mask": of marks

    def __post_init__(self) -> None:
        check(
            [
                (bool(self.folders or self.clips) != bool(self.pairs), "folders must name a folder, or pairs one"),
                (bool(self.damage or self.clips) != bool(self.pairs), "damage must not be empty, and is not for pairs"),
                (not (self.pairs and self.unpaired), "give pairs or unpaired, not both"),
                (self.direction in DIRECTIONS, f"direction must be {' or '.join(DIRECTIONS)}"),
                (not (self.pairs and (self.grey_share or self.grain)), "grey_share and grain are not for pairs"),
                (self.targets in ("clean", "noisy", "mask"), "targets must be clean, noisy or mask"),
                (bool(self.shrinks) and min(self.shrinks) >= 1, "shrinks must be whole numbers of 1 or more"),
                (bool(self.grain) == (self.grain_share > 0), "grain and grain_share go together"),
                (self.hold_out >= 1, "hold_out must be 1 or more"),
                (0 <= self.margin <= 256, "margin must be from 0 to 256"),
                *(
                    (0 <= getattr(self, name) <= 1, f"{name} must be from 0 to 1")
                    for name in ("grey_share", "eight_bit_share", "told_share", "grain_share")
                ),
            ]
        )


@dataclass(frozen=True)
class Distillation:
    """A game of one net that learns the output of a teacher instead of the clean pictures."""

    teacher: str  # weights whose output replaces the clean pictures

    def __post_init__(self) -> None:
        check([(bool(self.teacher), "teacher must name weights")])


@dataclass(frozen=True)
class Adversarial:
    """A game of a restorer and one or more critics."""

    weight: float  # weight of the critics in the loss of the restorer
    pixels: float = 1.0  # weight of the recipe's loss
    content: float = 0.0  # weight of the perceptual distance (features of EfficientNet-lite0)
    loss: str = "logistic"  # loss of the critics: logistic, least-squares or hinge
    critics: int = 1  # number of critics; critic n sees pictures shrunk by 2^n
    critic: str = "srgan"  # their kind: srgan (pairs of 3x3 convolutions), patchgan (patches of 70x70), or temporal
    width: int = 32  # channels of their first layer
    conditional: bool = False  # whether they also see the damaged picture, as in Pix2Pix
    lr: float = 0.01  # learning rate of the inner convolutions of the critics (Muon)
    lr_rest: float = 0.001  # learning rate of their other parameters (AdamW)

    def __post_init__(self) -> None:
        check(
            [
                (self.weight > 0, "weight must be above 0"),
                (min(self.pixels, self.content) >= 0, "pixels and content must be 0 or more"),
                (self.loss in CRITIC_LOSSES, f"loss must be one of {', '.join(CRITIC_LOSSES)}"),
                (1 <= self.critics <= 4, "critics must be from 1 to 4"),
                (self.critic in CRITICS, f"critic must be {' or '.join(CRITICS)}"),
                (self.width in range(8, 257, 8), "width must be a multiple of 8, at most 256"),
                (self.lr > 0 and self.lr_rest > 0, "lr and lr_rest must be above 0"),
            ]
        )


@dataclass(frozen=True)
class Cycle:
    """A game of two nets, f: y to x and g: x to y, and a critic for each side; y and x show different scenes."""

    weight: float = 10.0  # weight of the distance between a picture and the output of both nets in sequence
    identity: float = 0.0  # weight of the distance between x and f(x), and between y and g(y)
    loss: str = "least-squares"  # loss of the critics: logistic, least-squares or hinge
    width: int = 64  # channels of the first layer of the critics, which see patches of 70x70 pixels
    pool: int = 50  # pictures of earlier steps, half of which the critics see instead of new ones; 0: none
    lr: float = 0.01  # learning rate of the inner convolutions of the critics (Muon)
    lr_rest: float = 0.001  # learning rate of their other parameters (AdamW)

    def __post_init__(self) -> None:
        check(
            [
                (self.weight > 0 and self.identity >= 0, "weight must be above 0, identity 0 or more"),
                (self.width in range(8, 257, 8), "width must be a multiple of 8, at most 256"),
                (0 <= self.pool <= 1000, "pool must be from 0 to 1000"),
                (self.loss in CRITIC_LOSSES, f"loss must be one of {', '.join(CRITIC_LOSSES)}"),
                (self.lr > 0 and self.lr_rest > 0, "lr and lr_rest must be above 0"),
            ]
        )


@dataclass(frozen=True)
class Detection:
    """A game of one net that finds damaged regions; the damage words begin with regions(...)."""

    boxes: int = 8  # regions of a picture that are used at most

    def __post_init__(self) -> None:
        check([(1 <= self.boxes <= 100, "boxes must be from 1 to 100")])
