"""The tables of docs/many.md."""

from tables import rows, table


def many_table() -> str:
    """Pictures a minute by one command and by many."""
    head = "| machine | way | pictures a minute | time to the first | each other one | CPU time of all |"
    cells = "{machine} | {way} | {pictures_a_minute} | {start} s | {next} s | {cpu_seconds} s"
    return table(head, cells, rows("many.csv"))


def saving_table() -> str:
    """What saving as JPEG costs, by quality."""
    measured = [row | {"noise": row["noise"] and "with noise"} for row in rows("saving.csv")]
    head = "| given | | saved at | gain of `fix` | lost by saving (largest) | size of the file |"
    cells = "{given} | {noise} | {saved} | {gain_db} dB | {loss_db} dB ({largest_loss_db}) | {size} times"
    return table(head, cells, measured)
