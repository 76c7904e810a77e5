"""Modules that stand in for others: for the cells' own code, and for nobody else."""

from __future__ import annotations

import builtins
import json
import sys
import textwrap
from collections.abc import Iterator
from types import ModuleType

import pytest

from rlm_magic.repl import LiveRepl

CODE_THAT_IMPORTS = [
    "fake",
    "import json\nfake = json",
    "import json as fake",
    "from json import mark as fake",
    "from json import *\nfake = mark",
    "import json.decoder\nfake = json",
    "def deep():\n    import json\n    return json\nfake = deep()",
    "class Deep:\n    import json as inside\nfake = Deep.inside",
    "fake = [__import__('json') for _ in 'a'][0]",
    "exec('import json')\nfake = json",
    "exec('import json; fake.append(json)', {'fake': (found := [])})\nfake = found[0]",
    "import threading\nfound = []\ndef work():\n    import json\n    found.append(json)\n"
    "thread = threading.Thread(target=work)\nthread.start()\nthread.join()\nfake = found[0]",
]


@pytest.fixture
def repl() -> Iterator[LiveRepl]:
    fake = ModuleType("json")
    vars(fake).update(vars(json), mark="it stands in", __all__=["mark"])
    repl = LiveRepl(modules={"json": fake, "fake": fake}, shell=None)
    yield repl
    repl.close()


def value(repl: LiveRepl, code: str) -> object:
    result = repl.run(code, name="test", timeout_s=10)
    assert result.error is None, result.error
    return result.value


@pytest.mark.parametrize("code", CODE_THAT_IMPORTS)
def test_cells_get_the_stand_in_however_they_import_it(repl: LiveRepl, code: str) -> None:
    assert value(repl, f"{code}\ngetattr(fake, 'mark', fake)") == "'it stands in'"
    # What one cell defined works in the next.
    assert value(repl, "getattr(fake, 'mark', fake)") == "'it stands in'"


def test_libraries_and_the_notebook_keep_the_real_module(repl: LiveRepl) -> None:
    code = (
        "import sys, textwrap, importlib\n(sys.modules['json'], importlib.import_module('json'), textwrap.re)"
    )
    assert value(repl, code) == repr((json, json, textwrap.re))
    assert value(repl, "from json.decoder import JSONDecoder\nJSONDecoder") == repr(json.decoder.JSONDecoder)
    assert sys.modules["json"] is json
    real = builtins.__import__
    assert value(repl, "import builtins\n__import__ is builtins.__import__") == "False"
    assert builtins.__import__ is real
    assert not hasattr(json, "mark")


def test_the_name_is_the_models_to_use(repl: LiveRepl) -> None:
    assert "json" not in repl.variables()
    assert value(repl, "json = 5\njson") == "5"
    assert repl.variables()["json"] == 5
    assert value(repl, "json") == "5"
    assert value(repl, "import json\njson.mark") == "'it stands in'"


def test_other_imports_are_as_ever(repl: LiveRepl) -> None:
    assert value(repl, "import os.path, xml.dom.minidom as m\nfrom os import path\npath is os.path") == "True"
    assert value(repl, "import email.mime.text\nemail.mime.text.__name__") == "'email.mime.text'"
    for code, error in [
        ("import nonesuch", "ModuleNotFoundError: No module named 'nonesuch'"),
        ("from json import nonesuch", "ImportError: cannot import name 'nonesuch'"),
    ]:
        result = repl.run(code, name="test", timeout_s=10)
        assert result.error is not None
        assert error in result.error
        assert "_import" not in result.error


def test_builtins_of_the_process_reach_the_cells(repl: LiveRepl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builtins, "put_there_by_the_user", 7, raising=False)
    assert value(repl, "put_there_by_the_user") == "7"
    result = repl.run("input()", name="test", timeout_s=10)
    assert "nobody sits at the keyboard" in str(result.error)


def test_without_stand_ins_the_real_modules_are_imported() -> None:
    repl = LiveRepl(shell=None)
    assert value(repl, "import json\njson") == repr(json)
    assert value(repl, "__import__ is __import__('builtins').__import__") == "True"
    repl.close()


def test_a_child_has_the_stand_ins_of_its_parent(repl: LiveRepl) -> None:
    child = repl.spawn()
    assert value(child, "from json import mark\nmark") == "'it stands in'"
    child.close()
