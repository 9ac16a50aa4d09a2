"""What one observation means beside those before it of the same client: the values that signals count.

`Memory` holds the sketches of one client. They are its own: nothing that another client sends changes a reading.
"""

from __future__ import annotations

from array import array
from math import log2
from zlib import crc32

import msgspec

from proxy.detection import pieces, wording
from proxy.detection.lexicon import NOTHING, Lexicon
from proxy.detection.records import Observation
from proxy.detection.sketch import Marks, Pieces, Seen, Variety

PIECES, ANSWERS, RECENT, USERS, BIASES = 512, 512, 64, 256, 512
LONG_PIECE = 24
BACK = 0.6
"""Share of a prompt that the model wrote, from which nobody else asks."""
_PAST = 0.9


class Reading(msgspec.Struct, gc=False):
    """One observation, read.

    `texts`: its pieces by their `marks`. `concepts`: bits of `wording`, of the pieces that recur alone; `leaning`: to which
    programs the words of these lean, see `Lexicon`. `fixed`: which share of the pieces recurs, `fresh`: which was never met.
    `new`: its conversation never came before; `quick`: it came among the last 64 prompts; `late`: it came earlier than those.
    `fed`: its last turn holds what the model wrote in another conversation, most of it to prompts of the stream `source`;
    `asked_back`: it is hardly more than that, and alone: a conversation that the model began. `continued`: the model's last turn
    in it was really an answer of ours; `scripted`: and all that is said to it has been said before. `gap`: seconds since the one
    before, negative for the first. `out`, `given`: tokens of the answer and of the prompt; `answered`: whether the answer is
    known. `biases`: how many different `logit_bias` there were.
    """

    seen: Observation
    texts: dict[int, str] = {}
    marks: list[int] = []
    concepts: int = 0
    leaning: float = 0.0
    fixed: float = 0.0
    fresh: float = 0.0
    new: bool = True
    quick: bool = False
    late: bool = False
    fed: bool = False
    source: int = -1
    asked_back: bool = False
    continued: bool = False
    scripted: bool = False
    gap: float = -1.0
    out: int = 0
    given: int = 0
    answered: bool = False
    biases: float = 0.0
    new_user: bool = False
    pivot: bool = False
    surge: float = 0.0


class Known:
    """What does not depend on the client, worked out once: pieces of system texts, what is said in pieces. Bounded."""

    __slots__ = ("_said", "_systems", "lexicon")

    SYSTEMS, SAID = 256, 8192

    def __init__(self, lexicon: Lexicon = NOTHING) -> None:
        self.lexicon = lexicon
        self._systems: dict[int, dict[int, str]] = {}
        self._said: dict[int, tuple[int, float, int]] = {}

    def cut_system(self, text: str) -> dict[int, str]:
        """The pieces of a system text."""
        if not text:
            return {}
        key = hash(text)
        found = self._systems.get(key)
        if found is None:
            if len(self._systems) >= self.SYSTEMS:
                self._systems.clear()
            found = self._systems[key] = pieces.cut(text)
        return found

    def said(self, mark: int, text: str) -> tuple[int, float, int]:
        """The concepts of a piece, and what its words weigh: see `Lexicon.weigh`."""
        found = self._said.get(mark)
        if found is None:
            if len(self._said) >= self.SAID:
                self._said.clear()
            found = self._said[mark] = (wording.concepts(text), *self.lexicon.weigh(text))
        return found


class Memory:
    """The sketches of one client: at most about 9.5 KiB, of which a client that rarely comes has only what it used."""

    __slots__ = (
        "_answers",
        "_biases",
        "_day",
        "_last",
        "_model",
        "_past",
        "_recent",
        "_today",
        "_users",
        "failed",
        "pieces",
        "seen",
    )

    def __init__(self) -> None:
        self.pieces = Pieces(PIECES)
        self.seen = Seen()
        self._recent = array("Q")
        self._answers: Marks | None = None
        self._users: Variety | None = None
        self._biases: Variety | None = None
        self._last = -1.0
        self._model = 0
        self._day = -1
        self._today = 0
        self._past = 0.0

    def read(self, seen: Observation, known: Known) -> Reading:
        """Read an observation and remember it, all but its pieces, which whoever tells the streams apart remembers, and its answer:
        see `answered`.
        """
        made = Reading(seen, texts={**known.cut_system(seen.system), **(own := pieces.cut(seen.prompt))})
        made.marks = list(made.texts)
        made.out, made.given, made.answered = _tokens(seen)
        self._place_in_time(made)
        self._compare(made, known)
        self._feed_back(made, own)
        facts = seen.facts
        if seen.wishes.biased:
            self._biases = self._biases or Variety(BIASES)
            self._biases.add(seen.wishes.biased)
            made.biases = self._biases.count()
        if facts.end_user:
            self._users = self._users or Variety(USERS)
            before = self._users.count()
            self._users.add(crc32(facts.end_user.encode("utf-8", "replace")))
            made.new_user = self._users.count() > before
        return made

    def past(self) -> tuple[float, int, int, float]:
        """When the last prompt came, on which day, how many came on that day, and how many on days before."""
        return self._last, self._day, self._today, self._past

    def remember(self, last: float, day: int, today: int, past: float) -> None:
        """Take over what `past` told."""
        self._last, self._day, self._today, self._past = last, day, today, past

    def _place_in_time(self, made: Reading) -> None:
        at = made.seen.at
        if self._last >= 0:
            made.gap = max(0.0, at - self._last)
        self._last = at
        day = int(at // 86400)
        if day != self._day:
            if self._day >= 0:
                idle = min(60, max(0, day - self._day - 1))
                self._past = (self._past * _PAST + self._today * (1 - _PAST) if self._past else float(self._today)) * _PAST**idle
            self._day, self._today = day, 0
        self._today += 1
        if self._past >= 1:
            made.surge = min(1.0, max(0.0, log2(self._today / self._past) / 4)) if self._today > self._past else 0.0
        model = crc32(made.seen.model.encode("utf-8", "replace"))
        made.pivot = self._model not in (0, model)
        self._model = model

    def _compare(self, made: Reading, known: Known) -> None:
        identity = made.seen.identity
        made.quick = identity in self._recent
        before = self.seen.add(identity)
        made.new = not before and not made.quick
        made.late = before and not made.quick
        self._recent.append(identity)
        if len(self._recent) > RECENT:
            self._recent.pop(0)
        if not made.marks:
            return
        fixed = 0
        said: list[tuple[int, float, int]] = []
        fresh: list[str] = []
        for mark, text in made.texts.items():
            count = self.pieces.find(mark)[1]
            if not count:
                fresh.append(text)
            elif count > 1:
                fixed += 1
                said.append(known.said(mark, text))
        for stem, text in pieces.stems(fresh):
            if self.pieces.find(stem)[1] > 1:
                said.append(known.said(stem, text))
            self.pieces.add(stem, Pieces.NOBODY)
        for concepts, _, _ in said:
            made.concepts |= concepts
        made.leaning = known.lexicon.leaning(sum([total for _, total, _ in said]), sum([count for _, _, count in said]))
        made.fresh, made.fixed = len(fresh) / len(made.marks), fixed / len(made.marks)

    def answered(self, made: Reading, stream: int) -> None:
        """Remember what the model answered to a prompt of a stream: what does not merely echo the prompt."""
        if not made.seen.answer:
            return
        held = self._answers = self._answers or Marks(ANSWERS)
        for mark in _long(pieces.cut(made.seen.answer))[:6]:
            if mark not in made.texts:
                held.add(mark, stream)

    def _feed_back(self, made: Reading, own: dict[int, str]) -> None:
        """Compare with earlier answers."""
        held = self._answers
        if held is None:
            return
        said = _long(pieces.cut(made.seen.previous)) if made.seen.previous else []
        made.continued = any(mark in held for mark in said[:3])
        made.scripted = made.continued and bool(own) and all(self.pieces.find(mark)[1] > 1 for mark in own)
        fed = [mark for mark in own if mark in held and mark not in said]
        if fed:
            numbers = [held.number(mark) for mark in fed]
            made.fed, made.source = True, max(numbers, key=numbers.count)
            if not made.seen.turns and not any(self.pieces.find(mark)[1] > 1 for mark in own if mark not in fed):
                held_chars = sum(len(own[mark]) for mark in fed)
                made.asked_back = held_chars > BACK * sum(map(len, own.values()))


def _long(found: dict[int, str]) -> list[int]:
    return [mark for mark, piece in found.items() if len(piece) >= LONG_PIECE]


def _tokens(seen: Observation) -> tuple[int, int, bool]:
    """Tokens of answer and prompt; a quarter of the characters where nobody counted."""
    out = seen.output_tokens or seen.answer_chars // 4
    given = seen.input_tokens or (seen.facts.system_chars + seen.facts.prompt_chars) // 4
    return out, given, bool(seen.output_tokens or seen.answer_chars)
