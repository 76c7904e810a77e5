"""Every exception of rlm_magic. Each message names the value at fault and the way out.

RLMError
├── SourceError (also ValueError)        what was named cannot be bound as a context
│   ├── SourceNotFound (FileNotFoundError)   nothing is there
│   └── BadText (UnicodeError)               the text is not valid and errors="strict" was asked for
├── ContextError                         a bound context cannot give what was asked
│   ├── ContextTooLarge                      the result would not fit in memory, or not in one str
│   ├── PatternError (ValueError)            a regular expression to search for is faulty
│   ├── ManifestError (ValueError)           the manifest is corrupt, partial or of an unknown version
│   ├── SegmentMissing (LookupError)         an object that the manifest lists is gone
│   ├── IntegrityError                       bytes differ from what the manifest promises
│   ├── SnapshotChanged                      an object changed since the context was opened
│   ├── StoreUnavailable (OSError)           the store refused or did not answer
│   └── WriteConflict                        somebody else committed first
├── ModelError                           a model could not be reached or answered wrongly
│   ├── UnknownModel (ValueError)            no provider or model of that name
│   ├── MissingKey                           the provider's key is not set
│   ├── MissingPackage (ImportError)         an optional package is not installed
│   ├── PromptTooLarge                       a prompt exceeds the window of the model it is for
│   ├── StreamCut                            a reply broke off before its provider had ended it
│   ├── RateLimited                          the provider asks to be asked more slowly
│   ├── NotRecorded (LookupError)            a recording holds no reply to this request
│   └── ScriptExhausted                      a scripted model was asked once too often
├── ReservedName (ValueError)            a tool or context under a name that it cannot have
├── SchemaError (ValueError)             a form for answers that cannot be checked
├── ReplError                            the repl itself failed (not the model's code)
│   └── ReplBusy                             another run holds this kernel
├── BudgetError (ValueError)             a budget that cannot be honoured
├── BudgetExceeded                       a call was refused because the budget is spent
├── AnswerRejected (ValueError)          an answer is not what was asked for; the model is told why
├── RunNotFound (LookupError)            no recorded run goes by that name
└── TrajectoryError (ValueError)         the file is not a trajectory

RunInterrupted (KeyboardInterrupt)       the user stopped a run; carries what it had found
RunEnded (BaseException)                 raised by FINAL(...) inside a cell; model code cannot swallow it
CellTimeout (BaseException)              raised inside a cell whose time is up
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .records import Answer


class RLMError(Exception):
    """Base of every error that rlm_magic raises on purpose.

    `answer` is set when the error ended a run that had already begun: what was found and paid for is in it.
    """

    answer: Answer | None = None

    def _render_traceback_(self) -> list[str]:
        """Show one short block in IPython instead of our own frames; Run All still stops."""
        return [f"{type(self).__name__}: {self}"]


class SourceError(RLMError, ValueError):
    """What was named cannot be bound as a context."""


class SourceNotFound(SourceError, FileNotFoundError):
    """Nothing is there under the name given."""

    # OSError formats its arguments in its own way; the message is ours.
    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class BadText(SourceError, UnicodeError):
    """The text holds invalid bytes, and errors="strict" asked to be told."""


class ContextError(RLMError):
    """A bound context cannot give what was asked of it."""


class ContextTooLarge(ContextError):
    """The result would not fit in memory, or is too long for one str."""


class ManifestError(ContextError, ValueError):
    """The manifest is corrupt, partial, or of a version this release does not read."""


class PatternError(ContextError, ValueError):
    """A regular expression to search for is faulty; the message says where."""


class SegmentMissing(ContextError, LookupError):
    """An object that the manifest lists is gone; the message names it and its lines."""


class IntegrityError(ContextError):
    """Bytes differ from what the manifest promises."""


class SnapshotChanged(ContextError):
    """An object changed since the context was opened."""


class StoreUnavailable(ContextError, OSError):
    """The store refused or did not answer, or was not asked.

    `status` is the HTTP status of its answer, None without one. `may_pass=False` says of a failure without
    an answer that asking again is in vain.
    """

    def __init__(self, message: str = "", *, status: int | None = None, may_pass: bool = True) -> None:
        super().__init__(message)
        self.status = status
        self._may_pass = may_pass

    @property
    def is_final(self) -> bool:
        """Whether the same request will be refused again: 403, 400, a redirect; 5xx, 429 and 409 pass."""
        if self.status is None:
            return not self._may_pass
        return 300 <= self.status < 500 and self.status not in (409, 429)

    @property
    def asks_for_fewer(self) -> bool:
        """Whether the store refuses because it is asked too much at once."""
        return self.status in (429, 503)

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class WriteConflict(ContextError):
    """Somebody else committed a manifest first."""


class ModelError(RLMError):
    """A model could not be reached, or answered in a way that cannot be used."""


class UnknownModel(ModelError, ValueError):
    """No provider or model goes by that name."""


class MissingKey(ModelError):
    """The provider's key is not set."""


class MissingPackage(ModelError, ImportError):
    """An optional package is not installed; the message holds the install line."""


class PromptTooLarge(ModelError):
    """A prompt was not sent, because it exceeds the window of the model it is for."""


class StreamCut(ModelError):
    """A reply broke off before its provider had ended it. `streamed_chars` of it had been handed on."""

    def __init__(self, message: str, *, streamed_chars: int) -> None:
        super().__init__(message)
        self.streamed_chars = streamed_chars


class RateLimited(ModelError):
    """The provider asks to be asked more slowly. `retry_after_s` is how long it said to wait, or None.

    Nothing was retried: whoever sends many requests knows best which of them to hold back.
    """

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class NotRecorded(ModelError, LookupError):
    """A recording holds no reply to this request; the message shows where the nearest one differs."""


class ScriptExhausted(ModelError):
    """A scripted model was asked more often than it has replies."""


class ReservedName(RLMError, ValueError):
    """A tool, a variable or a further context was given under a name that it cannot have."""


class SchemaError(RLMError, ValueError):
    """The form that answers should have is faulty, or of a kind that cannot be checked."""


class ReplError(RLMError):
    """The repl itself failed; errors of the model's code travel in CellResult instead."""


class ReplBusy(ReplError):
    """Another run holds this kernel."""


class BudgetError(RLMError, ValueError):
    """A budget that cannot be honoured, such as a negative one."""


class BudgetExceeded(RLMError):
    """A call was refused because the budget is spent. `limit` names what ran out."""

    def __init__(self, message: str, *, limit: str) -> None:
        super().__init__(message)
        self.limit = limit


class AnswerRejected(RLMError, ValueError):
    """An answer is not what was asked for. Its message is written for the model, which then tries again."""


class RunNotFound(RLMError, LookupError):
    """No recorded run, or more than one, goes by that name."""


class TrajectoryError(RLMError, ValueError):
    """The file is not a trajectory."""


class RunInterrupted(KeyboardInterrupt):
    """The user stopped a run; `answer` holds what it had found. A KeyboardInterrupt: Run All stops too."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"run {answer.run_id} was interrupted after {len(answer.steps)} steps")
        self.answer = answer

    def _render_traceback_(self) -> list[str]:
        run_id = self.answer.run_id
        ways_on = f"%rlm_step goes on with it, and later %rlm --resume {run_id}"
        return [f"{self}; what it found is kept (%rlm_log {run_id}); {ways_on}"]


class RunEnded(BaseException):
    """Raised by FINAL(...) and its kin inside a cell, carrying the answer.

    A BaseException, so that `except Exception` in model code does not swallow the answer.
    """

    def __init__(self, value: object) -> None:
        super().__init__("the run has its answer")
        self.value = value


class CellTimeout(BaseException):
    """Raised inside a cell whose time is up; a BaseException for the same reason as RunEnded."""
