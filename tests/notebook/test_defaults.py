"""Defaults: an option goes before %config, %config before the environment, that before what we ship."""

from __future__ import annotations

import pytest
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell

from rlm_magic import Answer, Budget
from rlm_magic.errors import BudgetError
from rlm_magic.models import ScriptedModel
from rlm_magic.notebook.defaults import KINDS, VARIABLES
from rlm_magic.notebook.options import LIMITS, parser_of


@pytest.fixture
def bound(shell: InteractiveShell) -> InteractiveShell:
    shell.run_cell_magic("rlm_context", "ship -q", "The captain is Ada.\n")
    shell.user_ns["talker"] = ScriptedModel(lambda messages: "hm")
    return shell


def steps_of(shell: InteractiveShell, options: str = "") -> int:
    answer = shell.run_line_magic("rlm", f"-m $talker {options} q")
    assert isinstance(answer, Answer)
    return len(answer.steps)


def configure(shell: InteractiveShell, setting: str) -> None:
    shell.run_line_magic("config", f"RLMMagics.{setting}")


def test_each_layer_goes_before_the_one_below(
    bound: InteractiveShell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RLM_MAX_STEPS", "3")
    assert steps_of(bound) == 4  # the last is the turn for a last answer
    configure(bound, "max_steps = 2")
    assert steps_of(bound) == 3
    assert steps_of(bound, "-n 1") == 2
    configure(bound, "max_steps = None")
    assert steps_of(bound) == 4


def test_a_followed_run_has_the_configured_limits_too(bound: InteractiveShell) -> None:
    assert steps_of(bound, "-n 4") == 5
    configure(bound, "max_steps = 2")
    answer = bound.run_line_magic("rlm", "--follow q")
    assert len(answer.steps) == 3


def test_the_models_are_configured_by_variables_as_well(
    bound: InteractiveShell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RLM_MODEL", "$talker")
    monkeypatch.setenv("RLM_MAX_STEPS", "1")
    answer = bound.run_line_magic("rlm", "q")
    assert list(answer.usage) == ["scripted"]
    assert "$talker" in repr(bound.run_line_magic("rlm_status", ""))


@pytest.mark.parametrize(
    ("variable", "value", "wanted"),
    [
        ("RLM_MAX_STEPS", "many", "a whole number"),
        ("RLM_TIMEOUT", "soon", "a number"),
        ("RLM_REPLY_CACHE", "maybe", "on or off"),
    ],
)
def test_a_bad_variable_is_named_with_its_value(
    bound: InteractiveShell, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, wanted: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(UsageError, match=f"{variable} is '{value}'; set it to {wanted}"):
        bound.run_line_magic("rlm", "q")


def test_a_limit_that_no_run_could_keep_is_refused(bound: InteractiveShell) -> None:
    configure(bound, "max_steps = 0")
    with pytest.raises(BudgetError, match="steps=0"):
        bound.run_line_magic("rlm", "q")


def test_every_limit_of_a_run_has_an_option_a_trait_and_a_variable(shell: InteractiveShell) -> None:
    magics = shell.magics_manager.registry["RLMMagics"]
    options = {action.dest for action in parser_of(magics.rlm)._actions}
    traits = set(magics.class_traits(config=True))
    assert set(KINDS) <= traits
    assert set(KINDS) <= options
    assert set(VARIABLES) == set(KINDS)
    assert magics.budget() == Budget()
    assert {getattr(Budget(), limit) for limit in LIMITS.values()} <= {
        magics.configured(name).value for name in LIMITS
    }


def test_config_says_where_each_value_comes_from(
    bound: InteractiveShell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RLM_TIMEOUT", "42.5")
    monkeypatch.setenv("RLM_REPLY_CACHE", "on")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-value")
    configure(bound, "max_cost = 0.25")
    shown = bound.run_line_magic("rlm_status", "--config")
    rows = {line.split()[0]: line.split() for line in repr(shown).splitlines() if line.startswith("  ")}
    assert rows["RLMMagics.max_cost"] == ["RLMMagics.max_cost", "0.25", "%config", "RLM_MAX_COST"]
    assert rows["RLMMagics.timeout"] == ["RLMMagics.timeout", "42.5", "RLM_TIMEOUT", "RLM_TIMEOUT"]
    assert rows["RLMMagics.cache"][1:3] == ["on", "RLM_REPLY_CACHE"]
    assert rows["RLMMagics.max_steps"][1:3] == [str(Budget().steps), "default"]
    assert rows["OPENAI_API_KEY"] == ["OPENAI_API_KEY", "set"]
    for form in (repr(shown), shown._repr_html_()):
        assert "sk-secret-value" not in form


def test_a_configured_default_is_seen_by_config(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    shell.run_line_magic("config", "RLMMagics")
    shown = capsys.readouterr().out
    for name in KINDS:
        assert f"RLMMagics.{name}=" in shown
    assert "None: RLM_MAX_STEPS, else 20" in shown


# Status


def test_status_counts_what_was_spent_in_this_kernel_and_today(
    bound: InteractiveShell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RLM_MAX_STEPS", "1")
    answers = [bound.run_line_magic("rlm", f"-m $talker question {number}") for number in range(3)]
    tokens = sum(answer.total.tokens for answer in answers)
    shown = repr(bound.run_line_magic("rlm_status", ""))
    rows = [line.split() for line in shown.splitlines()]
    assert ["in", "this", "kernel", "3", "runs", f"{tokens:,}", "tokens", "$0.0000"] in rows
    assert ["today", "3", "runs", f"{tokens:,}", "tokens", "$0.0000"] in rows
    assert "live: no isolation" in shown
    assert "rlm_magic 0.1.0" in shown
    bound.run_line_magic("reload_ext", "rlm_magic")
    again = [line.split() for line in repr(bound.run_line_magic("rlm_status", "")).splitlines()]
    assert ["today", "3", "runs", f"{tokens:,}", "tokens", "$0.0000"] in again
    assert ["in", "this", "kernel", "0", "runs", "0", "tokens", "$0.0000"] in again


def test_status_shows_where_contexts_come_from_and_how_much_is_in_memory(
    bound: InteractiveShell, tmp_path: object
) -> None:
    bound.user_ns["text"] = "line\n" * 500_000
    bound.run_line_magic("rlm_context", f"stored $text --to {tmp_path}/store -q")
    before = repr(bound.run_line_magic("rlm_status", ""))
    (row,) = [line for line in before.splitlines() if "stored (default)" in line]
    assert f"{tmp_path}/store" in row
    assert "500,000 lines  2.5 MB" in row
    assert "0 % in memory" in row
    bound.user_ns["stored"].warm()
    (row,) = [line for line in repr(bound.run_line_magic("rlm_status", "")).splitlines() if "stored" in line]
    assert "100 % in memory" in row


def test_names_from_outside_are_text_in_status(shell: InteractiveShell) -> None:
    shell.user_ns["docs"] = [("<script>alert(1)</script>\x1b[2J", "text\n")]
    shell.run_line_magic("rlm_context", "evil $docs -q")
    status = shell.run_line_magic("rlm_status", "")
    assert "<script" not in status._repr_html_()
    assert "\x1b" not in repr(status) + status._repr_html_()
