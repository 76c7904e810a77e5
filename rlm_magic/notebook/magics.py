"""The magics: each parses its line and hands over to one worker."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_cell_magic, line_magic, magics_class, no_var_expand
from IPython.core.magic_arguments import argument, magic_arguments
from traitlets import Enum, Unicode

from .arguments import asking_options, binding_options, logging_options
from .asking import Asker
from .binding import Contexts
from .opening import bind_named
from .options import names_in, parse_line, parser_of, split_options
from .progress import PROGRESS_KINDS, progress_for
from .question import interpolate
from .tables import CacheView, ContextList, RunList, RunView, Status

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from ..context import Context
    from ..records import Answer


# In these `{name}` stands for a variable, as in the question.
_NAMES_AND_FILES = ("model", "sub_model", "record", "resume")


@magics_class
class RLMMagics(Magics):
    """Ask questions about texts too large for any model's window."""

    model = Unicode("", help="Root model, such as openai:gpt-5; empty: by the keys that are set").tag(
        config=True
    )
    sub_model = Unicode("", help="Model that llm_query asks; empty: the root's companion").tag(config=True)
    progress = Enum(PROGRESS_KINDS, default_value="auto", help="How a run is shown while it goes").tag(
        config=True
    )

    shell: InteractiveShell

    def __init__(self, shell: InteractiveShell) -> None:
        super().__init__(shell)
        self.contexts = Contexts(shell.user_ns)
        self._asker = Asker(shell, self.contexts)

    def options(self, magic: str) -> list[str]:
        """Return the option strings of one of our magics, for completion."""
        return sorted(parser_of(getattr(self, magic))._option_string_actions)

    @no_var_expand
    @magic_arguments()
    @binding_options
    @line_cell_magic
    def rlm_context(self, line: str, cell: str | None = None) -> Context | ContextList | None:
        """Bind a text as a context that %rlm can ask about.

        The name becomes a notebook variable holding the very object that the model sees as `context`.

            In [1]: %rlm_context logs /var/log/app/*.log
            In [2]: %rlm_context source ~/project/src --to /tmp/project_context
            In [3]: %rlm_context notes $notes
            In [4]: %rlm_context logs s3://bucket/logs/2026-*.txt --profile work
            In [5]: %rlm_context logs /var/log/app/*.log --to s3://bucket/logs/

        As a cell magic the rest of the cell is the text:

            In [6]: %%rlm_context page
               ...: The captain of the ship is Ada.

        Without arguments it lists what is bound. With several bound, the last one is the default.
        """
        args = parse_line(parser_of(self.rlm_context), line)
        if args.unbind is not None:
            self.contexts.unbind(args.unbind)
            return None
        if args.list or (args.name is None and cell is None):
            return ContextList(self.contexts)
        context = bind_named(self.shell, self.contexts, args, cell, progress=self.progress)
        return None if args.quiet else context

    @no_var_expand
    @magic_arguments()
    @asking_options
    @line_cell_magic
    def rlm(self, line: str, cell: str | None = None) -> Answer | None:
        """Ask a question about a bound context.

        Options come first; the rest of the line is the question, to the letter. `{name}` stands for your
        variable of that name, also in names of models, runs and files. As a cell magic the rest of the cell
        is the question.

            In [1]: %rlm Which service failed first, and why?
            In [2]: ans = %rlm -c logs --max-steps 8 How many requests timed out?
            In [3]: %rlm -- -5 degrees: where is that mentioned?
            In [4]: %rlm --follow And which one was the slowest?
            In [5]: %rlm --resume last --max-steps 40
            In [6]: %rlm --tool lookup --schema list[Finding] Which services failed?

        The result is an Answer: `ans.text`, `.steps`, `.variables`, `.usage`, `.status`. The stop button ends
        the run at once; what it found is then in the variable of -o and in %rlm_log.
        """
        args, text = split_options(parser_of(self.rlm), line)
        if args.help:
            print(type(self).rlm.__doc__)
            return None
        for option in _NAMES_AND_FILES:
            setattr(args, option, interpolate(getattr(args, option) or "", self.shell.user_ns) or None)
        question = self._question(text, cell, resumed=args.resume)
        for name in names_in(args.keep) + names_in(args.out):
            if not name.isidentifier():
                raise UsageError(f"{name!r} is not a variable name")
        progress = progress_for(self.shell, "none" if args.quiet else args.progress or self.progress)
        return self._asker.ask(question, args, progress, model=self.model, sub_model=self.sub_model)

    @no_var_expand
    @line_magic
    def rlm_status(self, line: str) -> Status:
        """Show the bound contexts, the models in use and whether their keys are set, and the last run."""
        if line.strip():
            raise UsageError(f"%rlm_status takes no arguments, not {line.strip()!r}")
        return Status(self.contexts, self.model, self.sub_model, self._asker.last)

    @no_var_expand
    @magic_arguments()
    @logging_options
    @line_magic
    def rlm_log(self, line: str) -> RunList | RunView | None:
        """List recorded runs, or show one.

        In [1]: %rlm_log
        In [2]: %rlm_log last
        In [3]: %rlm_log last --step 2
        In [4]: %rlm_log last -o run.html
        """
        from ..engine import find_run, read_trajectory
        from ..session import with_page

        args = parse_line(parser_of(self.rlm_log), line)
        if args.run is None and args.step is None and args.out is None:
            return RunList.recent()
        answer = with_page(read_trajectory(find_run(args.run or "last")))
        if args.out is None:
            return RunView(answer, step=args.step)
        try:
            answer.save(os.path.expanduser(args.out))
        except ValueError as error:
            raise UsageError(str(error)) from error
        return None

    @no_var_expand
    @magic_arguments()
    @argument("--clear", action="store_true", help="empty the cache on disk first")
    @line_magic
    def rlm_cache(self, line: str) -> CacheView:
        """Show what is kept of remote texts on disk, between kernels, and what the bound contexts have read.

        In [1]: %rlm_cache
        In [2]: %rlm_cache --clear

        Clearing deletes nothing that cannot be read again; contexts keep what they hold in memory.
        RLM_CACHE_DIR says where the cache is, RLM_CACHE_BYTES how large it may grow; RLM_CACHE=off turns it
        off.
        """
        from ..context.remember import forget_all
        from ..disk import segment_cache

        args = parse_line(parser_of(self.rlm_cache), line)
        freed_bytes = segment_cache().clear() + forget_all() if args.clear else None
        return CacheView.now(self.contexts, freed_bytes=freed_bytes)

    def _question(self, text: str, cell: str | None, *, resumed: str | None) -> str:
        if resumed is not None:
            if text or (cell or "").strip():
                raise UsageError(f"--resume {resumed} goes on with that run's own question; leave yours out")
            return ""
        if cell is not None and text:
            raise UsageError(f"%%rlm takes its question from the cell; move {text!r} below the first line")
        question = interpolate((text if cell is None else cell).strip(), self.shell.user_ns)
        if not question:
            raise UsageError("ask something: %rlm Which service failed first, and why?")
        return question
