"""Which of several processes says what all of them find in the same settings, before they are in contact."""

from __future__ import annotations

import os
import signal
import threading
import time

from trainspec.settings.arguments.launch import Launch

# Seconds until a launcher has ended all processes, once the first has ended by an error.
_PATIENCE = 5.0


def is_to_say_errors() -> bool:
    """Whether this process tells of errors, by which it is about to end. The first does so at once.

    Any other waits for the launcher to end it. Whoever is still there then has, it seems, found what the first has not:
    below an agent that ends all processes of the only node each tells it, else the first of every node.
    """
    launch = Launch.of_this_process()
    if launch.rank == 0:
        return True
    if threading.current_thread() is threading.main_thread():
        # To be ended while it waits is what it waits for, and nothing to tell.
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
    time.sleep(_PATIENCE)
    return launch.local_rank in (None, 0) or os.environ.get("GROUP_WORLD_SIZE") == "1"
