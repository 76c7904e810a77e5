"""What is queued, and that it is what the reads to come need."""

import pytest

from rlm_magic.context.hints import Hint
from rlm_magic.context.layout import Layout
from rlm_magic.context.prefetch import Prefetcher, segments_of, window_for

PIECES = ["ab\ncd\n", "é\n", "long", "er\nx\n", "end"]
TEXT = "".join(PIECES)
LAYOUT = Layout(
    [piece.count("\n") for piece in PIECES],
    lines=len(TEXT.splitlines()),
    lengths=[len(piece.encode()) for piece in PIECES],
    characters=[len(piece) for piece in PIECES],
    unfinished=[2, 4],
)
OWNERS = [number for number, piece in enumerate(PIECES) for _ in piece]


class Queue:
    """Segments that keep what was queued, as a store's would before any of it is on its way."""

    def __init__(self):
        self.resident, self.queued = {}, []

    def prefetch(self, numbers, *, priority, owner):
        self.queued += [(number, priority, owner) for number in numbers]

    def cancel(self, owner):
        self.queued = [entry for entry in self.queued if entry[2] != owner]

    def numbers(self):
        return [number for number, _, _ in self.queued]


def prefetcher(queue, *, segments=100, memory_bytes=0):
    layout = Layout([1] * segments, lines=segments, lengths=[10] * segments, characters=[10] * segments)
    return Prefetcher(queue, layout, window=16, memory_bytes=memory_bytes)


@pytest.mark.parametrize("start", range(len(TEXT)))
def test_characters_lie_in_the_segments_that_hold_them(start):
    for stop in range(start + 1, len(TEXT) + 1):
        assert set(segments_of(Hint("chars", start, stop), LAYOUT)) == set(OWNERS[start:stop])


@pytest.mark.parametrize("start", range(LAYOUT.lines))
def test_lines_lie_in_the_segments_that_hold_them(start):
    lines = TEXT.splitlines(keepends=True)
    for stop in range(start + 1, len(lines) + 2):
        first, last = len("".join(lines[:start])), len("".join(lines[:stop]))
        assert set(segments_of(Hint("lines", start, stop), LAYOUT)) >= set(OWNERS[first:last])


def test_a_scan_queues_what_comes_next():
    queue = Queue()
    prefetcher(queue).listen([0], True)
    assert queue.numbers() == [1, 2]


def test_hints_are_queued_and_bounded():
    queue = Queue()
    prefetcher(queue).expect([Hint("lines", 40, 43), Hint("lines", 0, 100)])
    assert queue.numbers() == [40, 41, 42, *range(16)]


def test_think_time_fills_what_fits_and_ends_when_the_model_answers():
    queue = Queue()
    queue.resident = {3: object()}
    roomy = prefetcher(queue, memory_bytes=1000)
    roomy.idle()
    assert sorted(queue.numbers()) == [number for number in range(100) if number != 3]
    roomy.busy()
    assert queue.queued == []


def test_think_time_fills_nothing_that_does_not_fit():
    queue = Queue()
    prefetcher(queue, memory_bytes=999).idle()
    assert queue.queued == []


def test_what_lies_beside_a_find_is_queued():
    queue = Queue()
    prefetcher(queue).found([50])
    assert queue.numbers() == [51, 49]


def test_a_window_fits_into_its_bytes():
    assert window_for(LAYOUT, most_segments=64, most_bytes=9) == 2
    assert window_for(LAYOUT, most_segments=64, most_bytes=0) == 1
    assert window_for(LAYOUT, most_segments=3, most_bytes=1 << 30) == 3
