"""Parent of an embedded Postgres: ends it when the last process that uses it is gone.

Run as a script of its own, outside the package, with the standard library only:

    python -I -S keeper.py LEASE_FILE LOG_FILE COMMAND …

Everyone who uses the server holds a shared lock on LEASE_FILE. This process asks for the
exclusive one, and gets it when nobody is left, however they ended: the kernel frees the locks of
a killed process. Then it asks Postgres for a fast shutdown, waits, and ends. It also ends when
Postgres does.
"""

import fcntl
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

FAST_SECONDS, IMMEDIATE_SECONDS = 20, 5


def stop(server: "subprocess.Popen[bytes]") -> None:
    """A fast shutdown; an immediate one, which the next start recovers from, if that hangs."""
    for ask, seconds in ((signal.SIGINT, FAST_SECONDS), (signal.SIGQUIT, IMMEDIATE_SECONDS)):
        server.send_signal(ask)
        try:
            server.wait(seconds)
            return
        except subprocess.TimeoutExpired:
            continue
    server.kill()
    server.wait()


def main(lease_file: str, log_file: str, *command: str) -> int:
    lease = os.open(lease_file, os.O_RDWR)
    with Path(log_file).open("ab") as log:
        server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def end_with_server() -> None:
        os._exit(1 if server.wait() else 0)

    # A machine that shuts down sends SIGTERM to everyone at once: stop Postgres with us.
    def end_with_machine(*_: object) -> None:
        stop(server)
        os._exit(0)

    signal.signal(signal.SIGTERM, end_with_machine)
    threading.Thread(target=end_with_server, daemon=True).start()
    fcntl.flock(lease, fcntl.LOCK_EX)
    stop(server)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
