"""What every model keeps to. Subclass it and give a `model` fixture; see tests/models/test_contract.py."""

from __future__ import annotations

import threading

import pytest

from rlm_magic.errors import ModelError
from rlm_magic.models import Model
from rlm_magic.records import Completion, Message

PROMPT = [Message("user", "Question: Who sings?\n\nThe choir sings in the morning.")]
AWKWARD = "quote \" ' brace { } slash \\ fence ``` nul \x00 lone \ud800 astral \U0001f600 \u2028 end"
CONVERSATION = [
    Message("system", "You answer a question about a text, held as `context`."),
    Message("user", "Question: Who sings?\n\nTurn 1 of 20."),
    Message("assistant", "I look.\n\n```repl\nprint(1)\n```"),
    Message("user", "Output of cell 1:\n```output\n1\n```\n\nTurn 2 of 20."),
]


class ModelContract:
    """Subclasses provide `model` (which answers with some text) and `failing` (which cannot answer)."""

    @pytest.fixture
    def model(self) -> Model:
        raise NotImplementedError

    @pytest.fixture
    def failing(self) -> Model:
        raise NotImplementedError

    def test_name_is_what_a_user_writes(self, model: Model) -> None:
        assert model.name
        assert model.name == model.name.strip()

    def test_returns_a_completion_with_text(self, model: Model) -> None:
        completion = model.complete(PROMPT)
        assert isinstance(completion, Completion)
        assert completion.text
        assert completion.stop_reason == "stop"

    def test_streamed_pieces_join_to_the_text(self, model: Model) -> None:
        pieces: list[str] = []
        completion = model.complete(PROMPT, pieces.append)
        assert pieces
        assert all(pieces)
        assert "".join(pieces) == completion.text

    def test_streams_on_the_calling_thread(self, model: Model) -> None:
        threads: set[int] = set()
        model.complete(PROMPT, lambda _: threads.add(threading.get_ident()))
        assert threads == {threading.get_ident()}

    def test_usage_counts_one_call_and_its_tokens(self, model: Model) -> None:
        usage = model.complete(PROMPT).usage
        assert usage.calls == 1
        assert usage.input_tokens > 0
        assert usage.output_tokens > 0
        assert usage.cost_usd is None or usage.cost_usd >= 0

    @pytest.mark.parametrize("kind", [RuntimeError, KeyboardInterrupt, ModelError])
    def test_exception_of_on_text_passes_unchanged(self, model: Model, kind: type[BaseException]) -> None:
        raised = kind("stop here")

        def stop(_: str) -> None:
            raise raised

        with pytest.raises(kind) as caught:
            model.complete(PROMPT, stop)
        assert caught.value is raised
        assert caught.value.__cause__ is None

    def test_takes_a_conversation(self, model: Model) -> None:
        assert model.complete(CONVERSATION).text

    def test_takes_awkward_text(self, model: Model) -> None:
        assert model.complete([Message("user", AWKWARD)]).usage.calls == 1

    def test_asks_the_same_from_several_threads(self, model: Model) -> None:
        texts: list[str] = []
        threads = [
            threading.Thread(target=lambda: texts.append(model.complete(PROMPT).text)) for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(texts) == 8
        assert set(texts) == {model.complete(PROMPT).text}

    def test_repr_is_short(self, model: Model) -> None:
        assert "\n" not in repr(model)
        assert len(repr(model)) < 200

    def test_failure_is_a_model_error_that_says_why(self, failing: Model) -> None:
        with pytest.raises(ModelError, match=r"\w+"):
            failing.complete(PROMPT)
