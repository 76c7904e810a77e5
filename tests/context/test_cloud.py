"""gs:// and az:// over servers on loopback: the contract of all stores, and a prefix bound and sliced."""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterator
from itertools import count

import pytest

from rlm_magic.config import ContextConfig
from rlm_magic.context import append, ingest, open_context
from rlm_magic.context.address import Access, parse
from rlm_magic.context.stores import Store
from rlm_magic.context.stores.connect import RemoteStore
from rlm_magic.errors import SourceError, SourceNotFound, WriteConflict

from ..contracts.store_contract import StoreContract
from .cloud import Azure, Google, serving

_numbers = count()


@pytest.fixture(scope="module")
def google() -> Iterator[str]:
    with serving(Google) as url:
        yield url


@pytest.fixture(scope="module")
def azure() -> Iterator[str]:
    with serving(Azure) as url:
        yield url


@pytest.fixture(autouse=True)
def _nothing_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("GOOGLE_", "AZURE_", "STORAGE_"))]:
        monkeypatch.delenv(name)


@pytest.fixture
def gs(google: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A place of its own in a bucket of Google's, reached as their own tools reach an emulator."""
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", google.removeprefix("http://"))
    return f"gs://bucket/p{next(_numbers)}/"


@pytest.fixture
def az(azure: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The same at Azure."""
    monkeypatch.setenv("AZURE_STORAGE_ENDPOINT", azure)
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "account")
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", "a2V5")
    return f"az://container/p{next(_numbers)}/"


@pytest.fixture(params=["gs", "az"])
def place(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue(request.param)
    return url


def store_at(url: str) -> RemoteStore:
    return RemoteStore(parse(url), access=Access(), config=ContextConfig())


class TestGoogle(StoreContract):
    @pytest.fixture
    def store(self, gs: str) -> Store:
        return store_at(gs)


class TestAzure(StoreContract):
    @pytest.fixture
    def store(self, az: str) -> Store:
        return store_at(az)


def test_objects_become_documents(place: str) -> None:
    texts = {"a.txt": "a1\na2", "deep/b.txt": "línea 😀\n", "deep/c.md": "c\n", "e.txt": "", "f.txt": "f"}
    store = store_at(place)
    for key, text in texts.items():
        store.put(key, [text.encode()])
    assert store.listing() == {key: store.head(key) for key in texts}
    context = open_context(place)
    assert context.documents.names == sorted(texts)
    assert context[:] == "a1\na2\nlínea 😀\nc\nf"
    assert context[1:3] == "a2\nlínea 😀\n"
    assert pickle.loads(pickle.dumps(context.view(1, 3)))[:] == "a2\nlínea 😀\n"
    assert open_context(f"{place}deep/*.txt", config=ContextConfig(memory_bytes=0))[:] == "línea 😀\n"
    assert open_context(f"{place}a.txt")[:] == "a1\na2"
    with pytest.raises(SourceNotFound, match="none"):
        open_context(f"{place}none")


def test_a_context_is_written_extended_and_replaced(place: str) -> None:
    lines = [f"línea {number} 😀\n" for number in range(300)]
    first = ingest(["".join(lines)], place, segment_bytes=500, object_bytes=2_000)
    assert append(place, [("more", "the end")])[:] == "".join(lines) + "the end"
    assert open_context(place)[200:] == "".join(lines[200:]) + "the end"
    ingest(["new\n"], place)
    assert (open_context(place)[:], first[:]) == ("new\n", "".join(lines))

    def meanwhile(done: int, total: int | None) -> None:
        ingest(["theirs\n"], place)

    with pytest.raises(WriteConflict, match="somebody else wrote"):
        append(place, [("mine", "mine")], on_progress=meanwhile)
    assert open_context(place)[:] == "theirs\n"


def test_options_of_s3_are_refused_by_the_others(place: str) -> None:
    with pytest.raises(SourceError, match="environment of its own tools"):
        open_context(place, region="eu-west-1")


def test_what_is_not_set_up_names_what_sets_it_up() -> None:
    with pytest.raises(SourceError, match="AZURE_STORAGE_ACCOUNT_NAME"):
        open_context("az://container/x")


def test_anonymous_reads_are_not_signed(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store_at(place).put("a.txt", [b"a\n"])
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT_KEY", raising=False)
    assert open_context(f"{place}a.txt", anonymous=True)[:] == "a\n"
