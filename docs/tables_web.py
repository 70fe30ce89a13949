"""The table of docs/web.md: what a blend changes."""

from tables import rows, table


def blend_table() -> str:
    """PSNR with shares of the change, with the treatment applied twice, and with texture put back."""
    return table(
        "| pictures | | none | 50 % | 80 % | 100 % | 110 % | 125 % | twice | texture 50 % | texture 100 % |",
        "{group} | {pictures} | {share_0} | {share_0_5} | {share_0_8} | {share_1} | {share_1_1} | {share_1_25} |"
        " {twice} | {texture_0_5} | {texture_1}",
        [{name.replace(".", "_"): value for name, value in row.items()} for row in rows("blend.csv")],
    )
