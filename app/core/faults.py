"""What keeps a command from its work and is no mistake of ours: said in a line, without a traceback."""

import sys

from app.core.language import Text

EXPLAINED = 2  # exit status: the work could not be done, and the reason stands on standard error


class Fault(Exception):
    """`lines` say, one line a fault, what is wrong and what to do."""

    def __init__(self, *lines: str | Text) -> None:
        self.lines = tuple(line if isinstance(line, str) else f"{line.zh} / {line.en}" for line in lines)
        super().__init__("\n".join(self.lines))

    def say(self) -> None:
        for line in self.lines:
            print(f"aftersales: {line}", file=sys.stderr, flush=True)
