"""What half-written code tells; the oracle is running the finished code on a context that takes notes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlm_magic.context.guess import LARGEST, Measures
from rlm_magic.context.hints import Hint, HintReader, find_hints

MEASURES = Measures(lines=10_000, characters=800_000)


class Noted:
    """Stands where `context` stands and notes the lines that slices of it ask for."""

    def __init__(self):
        self.lines_read = set()

    def __len__(self):
        return MEASURES.lines

    def __getitem__(self, index):
        self.lines_read.update(range(MEASURES.lines)[index])
        return ""

    def view(self, start=None, stop=None):
        return self[start:stop]


def lines_of(hints):
    return {line for hint in hints for line in range(hint.start, min(hint.stop, MEASURES.lines))}


@pytest.mark.parametrize(
    "code",
    [
        "context[5000:9000]",
        "print(context[ 10 : 1_000 ])",
        "context[:100] + context[-50:]",
        "context[len(context)//2 : len(context)//2 + 100]",
        "context.view(500, 900)",
        "context.view(9900)",
        "for i in range(0, len(context), 2000):\n    context[i:i+2000]\n",
        "[context[i:i+500] for i in range(1000, 4000, 500)]",
        "size = 3 * 1000\nstart = size\ncontext[start:start+size]\n",
        "step = 100\nfor n in range(90, 0, -1):\n    context[n * step:(n + 1) * step]\n",
    ],
)
def test_hints_are_the_lines_the_code_reads(code):
    noted = Noted()
    exec(code, {"context": noted})
    assert lines_of(find_hints(code, MEASURES)) == noted.lines_read


@given(st.integers(-12_000, 12_000), st.integers(-12_000, 12_000))
def test_a_slice_of_two_literals_is_that_slice(start, stop):
    hints = find_hints(f"context[{start}:{stop}]", MEASURES)
    assert lines_of(hints) == set(range(MEASURES.lines)[start:stop])


@pytest.mark.parametrize(
    ("code", "hint"),
    [
        ("context.chars[10:20]", Hint("chars", 10, 20)),
        ("context.lines[7]", Hint("lines", 7, 8)),
        ("context[-1]", Hint("lines", 9999, 10_000)),
        ("context.documents['a.log'][3:9]", Hint("lines", 3, 9, "a.log")),
        ('context.documents["a.log"].chars[3:9]', Hint("chars", 3, 9, "a.log")),
        ("context.documents[2][3:9]", Hint("lines", 3, 9, 2)),
        ("context.documents['a.log']\n", Hint("lines", 0, LARGEST, "a.log")),
        ("context.documents['a.log'][5:]", Hint("lines", 5, LARGEST, "a.log")),
    ],
)
def test_every_way_to_name_a_part(code, hint):
    assert find_hints(code, MEASURES) == [hint]


@pytest.mark.parametrize(
    "code",
    [
        "context[5000:90",
        "context[a:b]",
        "context[f(3):9]",
        "context[1 // 0:9]",
        "context[9:3]",
        "mycontext[1:2]",
        "contexts[1:2]",
        "context[" + "(" * 500,
        "context[1:2:3:4]",
        "context[\x00]",
        "context[10 ** 400:]",
        "context.documents['a'][-5:]",
        "context.view(*x)",
        "for i in range(0, n, 5):\n    context[i:i+5]\n",
        "a = 5\na = input()\ncontext[a:a+9]\n",
    ],
)
def test_what_cannot_be_told_gives_no_hint(code):
    assert find_hints(code, MEASURES) == []


def test_characters_nobody_knows_give_no_hint_from_the_end():
    unknown = Measures(lines=10, characters=None)
    assert find_hints("context.chars[-5:]", unknown) == []
    assert find_hints("context.chars[5:9]", unknown) == [Hint("chars", 5, 9)]


def test_a_context_read_by_characters_is_hinted_by_characters():
    assert find_hints("context[5:9]", Measures(10, 800, "chars")) == [Hint("chars", 5, 9)]


REPLY = (
    "I look.\n```python\nfor i in range(0, 6000, 2000):\n    print(context[i:i+2000])\ncontext[7:9]\n```\n"
)


@given(st.lists(st.integers(1, 12), min_size=1))
def test_a_streamed_reply_gives_each_hint_once_however_it_is_cut(sizes):
    reader, found, at, turn = HintReader(MEASURES), [], 0, 0
    while at < len(REPLY):
        size = sizes[turn % len(sizes)]
        found += reader.feed(REPLY[at : at + size])
        at, turn = at + size, turn + 1
    assert found == [Hint("lines", 0, 6000), Hint("lines", 7, 9)]


@given(st.text(alphabet="context[]():+-*/ 0123456789\n.lenviwchars'", max_size=80))
def test_no_text_whatever_is_an_error(text):
    for hint in find_hints("context[" + text, MEASURES):
        assert 0 <= hint.start < hint.stop
