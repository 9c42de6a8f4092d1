"""Types into an interactive shell and prints its line after the tab key.

    type.py LINES OUT SHELL [ARGUMENT]...

LINES is a file with one unfinished command line per line. The shell must write a line to the file OUT when it is ready. On
control-x control-p, it must append its command line to OUT and clear it. Each of these lines is printed.
"""

import os
import pty
import select
import sys
import time

LONGEST = 60.0


def main() -> None:
    lines_file, out, *shell = sys.argv[1:]
    with open(lines_file, encoding="utf-8") as file:
        lines = file.read().splitlines()
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvp(shell[0], shell)
    screen = bytearray()

    def wait_for(count: int) -> list[str]:
        """Waits for `count` lines in OUT and returns all. Also reads the terminal, so that the shell is not blocked."""
        until = time.monotonic() + LONGEST
        while time.monotonic() < until:
            if select.select([terminal], [], [], 0.02)[0]:
                try:
                    screen.extend(os.read(terminal, 65536))
                except OSError:
                    break
            if os.path.exists(out):
                with open(out, encoding="utf-8") as file:
                    written = file.read().splitlines()
                if len(written) >= count:
                    return written
        sys.exit(f"{shell[0]} does not answer; it shows:\n{screen.decode(errors='replace')}")

    wait_for(1)
    for n, line in enumerate(lines):
        os.write(terminal, line.encode() + b"\t\x18\x10")
        print(wait_for(n + 2)[-1], flush=True)
    # The shell exits at the end of its input.
    os.close(terminal)
    os.waitpid(pid, 0)


main()
