"""Types into an interactive shell and says what its line is after the tab key.

    type.py LINES OUT SHELL [ARGUMENT]...

LINES is a file with one unfinished line each. The shell has to say on the file OUT that it is ready, and to append its
line there, emptying it, on control-x control-p. Each line is printed as it was found.
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
        """What the shell said so far, when that is so many lines. What it shows has to be taken off it meanwhile."""
        until = time.monotonic() + LONGEST
        while time.monotonic() < until:
            if select.select([terminal], [], [], 0.02)[0]:
                try:
                    screen.extend(os.read(terminal, 65536))
                except OSError:
                    break
            if os.path.exists(out):
                with open(out, encoding="utf-8") as file:
                    said = file.read().splitlines()
                if len(said) >= count:
                    return said
        sys.exit(f"{shell[0]} does not answer; it shows:\n{screen.decode(errors='replace')}")

    wait_for(1)
    for n, line in enumerate(lines):
        os.write(terminal, line.encode() + b"\t\x18\x10")
        print(wait_for(n + 2)[-1], flush=True)
    # The end of its input ends the shell.
    os.close(terminal)
    os.waitpid(pid, 0)


main()
