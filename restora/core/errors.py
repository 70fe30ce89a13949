"""Errors a user can act on: one sentence each; the command line prints it and exits with 2."""


class RestoraError(Exception):
    """What the thing is, what it must be, what came, and what to do, in one sentence."""


class BadImage(RestoraError):
    """A picture that is empty, truncated, too large, or not a picture."""


class Truncated(BadImage):
    """A picture file whose end is missing; `salvage` opens the existing part."""


class BadDamage(RestoraError):
    """Damage words that do not parse, or a knob out of its range."""


class BadKnob(RestoraError):
    """A knob with an unknown name or a value out of its range."""


class BadPlan(RestoraError):
    """A plan that names no known method, or that does not fit the picture."""


class BadRecipe(RestoraError):
    """A training recipe with a missing, unknown or impossible entry."""


class NoWeights(RestoraError):
    """Weights that are absent, or whose checksum is not the one in the index."""


class BadWeights(RestoraError):
    """A file of weights of other authors that cannot be read, or whose net cannot run here."""


class MissingExtra(RestoraError):
    """A missing optional part of the installation."""


class NotFinite(RestoraError):
    """A result with NaN or infinity, even after a retry in full precision."""


class OutputExists(RestoraError):
    """The output file exists and may not be overwritten."""


class BadDevice(RestoraError):
    """A device that is unknown, or that this computer does not have."""
