"""Find the words of a lexicon in a text, in time that grows with the text and not with the lexicon.

The entries become one automaton over characters, built as far as texts have asked for it; no text can make it
backtrack. An entry is a word with alternatives, `没(有|)收到`; "_" is a space, "~" up to `gap` characters.
"""

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final, Generic, NamedTuple, TypeVar

Payload = TypeVar("Payload")

_NO_CHAR: Final = ""  # stands behind a text, and leads nowhere
_LAST_ASCII: Final = "\x7f"
_NOTHING: Final[frozenset[str]] = frozenset()
Nodes = tuple[int, ...]  # in rising order; a set of one number is four times the size
Choice = list[list["str | Choice"]]  # the alternatives of an entry; a part is a character or, again, a choice


def parse(word: str) -> Choice:
    """Parse an entry, `(a|b|)` being alternatives at any depth. Raises: ValueError if its brackets do not match."""
    stack: list[Choice] = [[[]]]
    for char in word:
        if char == "(":
            stack.append([[]])
        elif char == "|" and len(stack) > 1:
            stack[-1].append([])
        elif char == ")" and len(stack) > 1:
            choice = stack.pop()
            stack[-1][-1].append(choice)
        elif char in ")|":
            raise ValueError(f"entry {word!r}: {char} stands outside of brackets")
        else:
            stack[-1][-1].append(char)
    if len(stack) > 1:
        raise ValueError(f"entry {word!r}: a bracket is left open")
    return stack[0]


class Found(NamedTuple, Generic[Payload]):
    start: int
    end: int
    payload: Payload


@dataclass(frozen=True, slots=True, eq=False)
class _Accept(Generic[Payload]):
    """What stands at the end of entries; with a tail, they go on after a gap."""

    payload: Payload
    tail: "_State[Payload] | None" = None


class _State(dict[str, "Nodes | _State[Payload]"], Generic[Payload]):
    """Where a text has come to in all entries at once: where each character leads, resolved on first use."""

    __slots__ = ("accepts", "ends", "gapped", "resumes")

    def __init__(self, accepts: tuple[_Accept[Payload], ...], moves: Iterable[tuple[str, Nodes]]) -> None:
        super().__init__(moves)
        self.ends = bool(accepts)  # whether some entry, or its part before a gap, is complete here
        self.accepts = tuple([accept.payload for accept in accepts if accept.tail is None])
        self.gapped = tuple([accept for accept in accepts if accept.tail is not None])
        # What entries go on with after a gap.
        self.resumes = _NOTHING.union(*[accept.tail or () for accept in self.gapped]) if self.gapped else _NOTHING


class _Nodes:
    """The steps of all entries, as close together as they go: there are tens of thousands.

    A node is a number; it waits for a character, and others come after it. At the end of an entry it waits for none.
    """

    def __init__(self) -> None:
        self._chars = array("I")
        self._after = array("i")  # the one node after it, or below zero: where in `_forks` they are
        self._forks: list[Nodes] = []

    def add(self, char: str, after: Nodes) -> int:
        self._chars.append(ord(char) if char else 0)
        if len(after) == 1:
            self._after.append(after[0])
        else:
            self._forks.append(after)
            self._after.append(-len(self._forks))
        return len(self._chars) - 1

    def moves(self, nodes: Nodes) -> Iterator[tuple[str, Nodes]]:
        """Return which character leads from these nodes to which others."""
        moves: dict[int, Nodes] = {}
        for node in nodes:
            char, single = self._chars[node], self._after[node]
            if char:
                after = (single,) if single >= 0 else self._forks[-single - 1]
                moves[char] = after if char not in moves else (*moves[char], *after)
        for char, after in moves.items():
            yield _char(char), after if len(after) == 1 else tuple(sorted(set(after)))


@cache
def _char(code: int) -> str:
    """Return a character, each the same object wherever it stands."""
    return chr(code)


class Matcher(Generic[Payload]):
    """Entries, with what each of them stands for. Safe to share between threads."""

    def __init__(self, entries: Iterable[tuple[str, Payload]], *, gap: int) -> None:
        self._gap = gap
        self._none: tuple[Payload, ...] = ()
        self._nodes = _Nodes()
        self._ends: dict[int, _Accept[Payload]] = {}
        self._states: dict[Nodes, _State[Payload]] = {}
        starts: set[int] = set()
        plain: dict[int, _Accept[Payload]] = {}  # one for all words that stand for the same thing
        for word, payload in entries:
            head, *tails = word.replace("_", " ").split("~")
            accept = plain.setdefault(id(payload), _Accept(payload))
            for tail in reversed(tails):
                accept = _Accept(payload, self._state(self._add(tail, accept)))
            starts.update(self._add(head, accept))
        root = self._state(tuple(sorted(starts)))
        self._begins = {char: self._step(root, char) for char in root}

    def find(self, text: str, start: int, end: int) -> list[Found[Payload]]:
        """Return the entries within `text[start:end]`, by their start.

        Among entries without "~" the longest wins: one that lies within another is not reported.
        """
        found: list[Found[Payload]] = []
        begins, covered = self._begins, 0
        chars = [*text[start:end], _NO_CHAR]  # each made and hashed once, however often it is looked at
        for at, char in enumerate(chars):
            state, stop = begins.get(char), at + 1
            if state is None or not (state.ends or chars[stop] in state):
                continue
            longest, payloads, chinese = at, self._none, char > _LAST_ASCII
            while True:
                whole = chinese and chars[stop - 1] > _LAST_ASCII
                if state.ends and (whole or _whole_word(text, start + at, start + stop)):
                    if state.accepts:
                        longest, payloads = stop, state.accepts
                    if state.gapped and stop > covered:
                        self._over_gap(state, text, start + at, start + stop, end, found)
                if (following := state.get(chars[stop])) is None:
                    break
                state = self._step(state, chars[stop]) if isinstance(following, tuple) else following
                stop += 1
            if longest > covered:
                covered = longest
                for payload in payloads:
                    found.append(Found(start + at, start + longest, payload))  # noqa: PERF401 - mostly one
        return found

    def _step(self, state: _State[Payload], char: str) -> _State[Payload]:
        following = state[char]
        if isinstance(following, tuple):
            following = state[char] = self._state(following)
        return following

    def _over_gap(
        self, state: _State[Payload], text: str, start: int, stop: int, end: int, found: list[Found[Payload]]
    ) -> None:
        last = min(end, stop + self._gap + 1)
        if state.resumes.isdisjoint(text[stop:last]):
            return
        for accept in state.gapped:
            if accept.tail is None:
                continue
            for at in range(stop, last):
                if text[at] not in accept.tail:
                    continue
                ending, tail = self._end(accept.tail, text, at, end)
                if tail is not None:
                    found += [Found(start, ending, payload) for payload in tail.accepts]
                    self._over_gap(tail, text, start, ending, end, found)
                    break

    def _end(self, state: _State[Payload], text: str, at: int, end: int) -> tuple[int, _State[Payload] | None]:
        """Where the longest of the entries that go on with `state` at `at` ends, and in which state."""
        start, ending, reached = at, at, None
        while True:
            if state.ends and _whole_word(text, start, at):
                ending, reached = at, state
            if at == end or (following := state.get(text[at])) is None:
                return ending, reached
            state = self._step(state, text[at]) if isinstance(following, tuple) else following
            at += 1

    def _add(self, word: str, accept: _Accept[Payload]) -> Nodes:
        """Add the nodes of one entry, last character first; return those it begins with."""
        end = self._nodes.add("", ())
        self._ends[end] = accept
        starts = self._chain(parse(word), (end,))
        if end in starts:
            raise ValueError(f"entry {word!r} may be empty")
        return starts

    def _chain(self, choice: Choice, after: Nodes) -> Nodes:
        starts: set[int] = set()
        for option in choice:
            following = after
            for part in reversed(option):
                following = (
                    (self._nodes.add(part, following),) if isinstance(part, str) else self._chain(part, following)
                )
            starts.update(following)
        return tuple(sorted(starts))

    def _state(self, nodes: Nodes) -> _State[Payload]:
        if (known := self._states.get(nodes)) is not None:
            return known
        ends = [self._ends[node] for node in nodes if node in self._ends]
        state = self._states[nodes] = _State(tuple(dict.fromkeys(ends)), self._nodes.moves(nodes))
        return state


def _whole_word(text: str, start: int, end: int) -> bool:
    """Latin words are not found inside longer ones."""
    first, last = text[start], text[end - 1]
    if first.isascii() and first.isalnum() and start and text[start - 1].isascii() and text[start - 1].isalpha():
        return False
    after = text[end : end + 1]
    return not (last.isascii() and last.isalnum() and after.isascii() and after.isalpha())
