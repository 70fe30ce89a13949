"""A process that is ended removes its temporary files, whatever a library does with exceptions."""

import signal
import subprocess
import sys

PROGRAM = """
import signal, time
from restora.core.signals import end_by_exception
end_by_exception()
def {name}():
    signal.raise_signal(signal.SIGTERM)
    print("went on", flush=True)
try:
    {name}()
    time.sleep(60)
finally:
    print("cleaned")
"""


def test_a_signal_raises_but_not_within_the_log_of_pyvips():
    """There it would be printed and lost; the alarm raises later."""
    for name, printed in (("work", "cleaned\n"), ("_log_handler_callback", "went on\ncleaned\n")):
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM.format(name=name)], capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stdout, done.stderr) == (128 + signal.SIGTERM, printed, "")
