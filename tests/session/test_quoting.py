"""What an answer cites is kept beside it: the lines and where they stand; redacted, bounded, recorded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rlm_magic import Answer, ask
from rlm_magic.context import from_text, ingest, open_context
from rlm_magic.engine import read_trajectory
from rlm_magic.models import ScriptedModel
from rlm_magic.views import answer_html

from .models import TEXT, code


def asked(reply: str, context: object) -> Answer:
    return ask("Who?", context, model=ScriptedModel([code("context[0:1]"), reply]))


def test_an_answer_has_the_lines_that_it_cites() -> None:
    answer = asked("FINAL(Ada [L0], Bob [L1], both [L0-L1], none [L9])", TEXT)
    assert [(c.label, c.status, c.text) for c in answer.citations] == [
        ("L0", "read", "The captain of the ship is Ada."),
        ("L1", "not read", "The cook is Bob."),
        ("L0-L1", "not read", TEXT.rstrip("\n")),
        ("L9", "no such line", ""),
    ]
    assert {c.document for c in answer.citations} == {""}


def test_lines_are_told_with_the_document_they_stand_in() -> None:
    answer = asked("FINAL(Ada [L0], Bob [L2])", [("a.txt", "Ada\nEve\n"), ("b.txt", "Bob\n")])
    assert [(c.text, c.document) for c in answer.citations] == [("Ada", "a.txt"), ("Bob", "b.txt")]
    assert answer.coverage is not None
    assert answer.coverage.documents == (("a.txt", 0), ("b.txt", 2))


@pytest.mark.parametrize("unit", ["lines", "chars"])
def test_a_context_by_characters_is_cited_by_lines_too(unit: Any) -> None:
    context = from_text("é\rone\u2028\n\ntwo\n", unit=unit)
    answer = ask("?", context, model=ScriptedModel(["FINAL([L0] [L1] [L2] [L0-L2])"]))
    assert [c.text for c in answer.citations] == ["é\rone\u2028", "", "two", "é\rone\u2028\n\ntwo"]


def test_lines_of_a_view_are_those_of_the_view() -> None:
    view = open_context([("a.txt", "Ada\nEve\n"), ("b.txt", "Bob\n"), ("c.txt", "Cy\n")]).view(1, 3)
    answer = asked("FINAL(Eve [L0], Bob [L1])", view)
    assert [(c.text, c.document) for c in answer.citations] == [("Eve", "a.txt"), ("Bob", "b.txt")]
    assert answer.coverage is not None
    assert answer.coverage.documents == (("a.txt", 0), ("b.txt", 1))


def test_more_documents_than_a_map_can_mark_are_counted_there() -> None:
    code = "```repl\nprint(context[7])\n```"
    source = [(f"{n}.txt", f"text {n}\n") for n in range(1_234)]
    answer = ask("?", open_context(source), model=ScriptedModel([code, "FINAL(seven [L7])"]))
    assert answer.coverage is not None
    assert (answer.coverage.documents, answer.coverage.unmarked) == ((), 1_234)
    assert "1,234 documents: too many to mark" in answer_html(answer)


def test_citations_are_recorded_and_read_back() -> None:
    answer = asked("FINAL(Ada [L0])", [("a.txt", "Ada\n"), ("b.txt", "Bob\n")])
    assert answer.trajectory is not None
    again = read_trajectory(answer.trajectory)
    assert again.citations == answer.citations
    assert again.coverage == answer.coverage
    assert again.model == answer.model == "scripted"


def test_secrets_in_cited_lines_are_redacted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVICE_TOKEN", "hunter2hunter2")
    answer = asked("FINAL(see [L0])", "token hunter2hunter2 and sk-ant-abcdefghijklmnop1234\n")
    assert answer.citations[0].text == "token [redacted] and [redacted]"


def test_what_is_kept_is_bounded() -> None:
    text = "".join(f"line {number} {'x' * 400}\n" for number in range(200))
    cites = " ".join(f"[L{number}]" for number in range(100))
    answer = asked(f"FINAL(all [L0-L199] {cites})", text)
    assert len(answer.citations) == 101
    assert len(answer.citations[0].text) < 2_200
    assert answer.citations[0].text.endswith("[180 more lines]")
    assert sum(len(citation.text) for citation in answer.citations) < 50 * 2_200
    assert answer.citations[-1].text == ""


def test_looking_up_cited_lines_does_not_count_as_reading() -> None:
    answer = asked("FINAL(Bob [L1])", TEXT)
    assert answer.coverage is not None
    assert answer.coverage.read == ((0, 1),)


def test_an_answer_outlives_the_store_it_cites(tmp_path: Path) -> None:
    rows = "".join(f"line {number}\n" for number in range(5_000))
    ingest([("log", rows)], tmp_path / "kept", segment_bytes=1_000)
    context = open_context(str(tmp_path / "kept"))
    gone = code("context[0:1]", "import shutil", f"shutil.rmtree({str(tmp_path / 'kept')!r})")
    answer = ask("Who?", context, model=ScriptedModel([gone, "FINAL(see [L0] and [L4999])"]))
    assert answer.status == "answered"
    assert [citation.text for citation in answer.citations] == ["line 0", ""]
