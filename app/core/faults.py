"""What keeps a command from its work and is no mistake of ours: said in a line, without a traceback."""

from app.core.language import Text


class Fault(Exception):
    """`lines` say, one line a fault, what is wrong and what to do."""

    def __init__(self, *lines: str | Text) -> None:
        self.lines = tuple(line if isinstance(line, str) else f"{line.zh} / {line.en}" for line in lines)
        super().__init__("\n".join(self.lines))
