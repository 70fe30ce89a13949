"""The table of a recipe's keys, from the comments of the classes that read them."""

import re

from tables import ROOT

CLASSES = ("Recipe", "Data", "Distillation", "Adversarial", "Cycle", "Detection")
USUAL = {"list": "`[]`", "dict": "`{}`", "None": "none", "": "**needed**", '""': "none"}


def recipe_keys_table() -> str:
    """The keys of a recipe, table by table."""
    source = "".join((ROOT / f"restora/learn/{name}.py").read_text() for name in ("recipe", "recipe_tables"))
    lines = ["| key | default | meaning |", "|---|---|---|"]
    for name in CLASSES:
        body = source.split(f"class {name}:")[1].split("\n    def ")[0]
        for key, default, says in re.findall(r"^    (\w+): [^=#\n]+?(?: = (.+?))?  # (.+)$", body, re.MULTILINE):
            kept = re.sub(r"field\(default_factory=(?:lambda: )?(.+)\)", r"\1", default)
            kept = USUAL.get(kept, f"`{kept}`".replace('"', ""))
            table_name = "" if name == "Recipe" else f"{name.lower()}."
            lines.append(f"| `{table_name}{key}` | {kept} | {says} |")
    return "\n".join(lines)
