"""The magics: each parses its line and hands over to one worker."""

from __future__ import annotations

from typing import TYPE_CHECKING

from IPython.core.magic import Magics, line_cell_magic, line_magic, magics_class, no_var_expand
from IPython.core.magic_arguments import argument, magic_arguments

from .arguments import asking_options, binding_options, logging_options, stepping_options
from .asking import Asker
from .binding import Contexts
from .defaults import Defaults
from .dry_run import preview
from .opening import bind_named
from .options import names_in, parse_line, parser_of, split_options
from .progress import progress_for
from .question import interpolate, question_in
from .runs import RunList, RunPair, RunView, show_runs
from .status import Facts, config, status
from .stepping import GoesOn, Paused, Stepper, Variables
from .tables import CacheView, ContextList

if TYPE_CHECKING:
    from argparse import Namespace

    from IPython.core.interactiveshell import InteractiveShell

    from ..context import Context
    from ..records import Answer
    from .begun import Begun
    from .progress import Progress


# In these `{name}` stands for a variable, as in the question.
_NAMES_AND_FILES = ("model", "sub_model", "record", "resume")


@magics_class
class RLMMagics(Defaults, Magics):
    """Ask questions about texts too large for any model's window."""

    shell: InteractiveShell

    def __init__(self, shell: InteractiveShell) -> None:
        super().__init__(shell)
        self.contexts = Contexts(shell.user_ns)
        self._asker = Asker(shell, self.contexts)
        self._stepper = Stepper(self._asker)

    def options(self, magic: str) -> list[str]:
        """Return the option strings of one of our magics, for completion."""
        return sorted(parser_of(getattr(self, magic))._option_string_actions)

    def choices(self, magic: str, option: str) -> list[str]:
        """Return what an option of one of our magics may be set to, where that is a list; for completion."""
        action = parser_of(getattr(self, magic))._option_string_actions.get(option)
        return [str(choice) for choice in (action and action.choices) or ()]

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
        context = bind_named(self.shell, self.contexts, args, cell, progress=self.named("progress"))
        return None if args.quiet else context

    @no_var_expand
    @magic_arguments()
    @asking_options
    @line_cell_magic
    def rlm(self, line: str, cell: str | None = None) -> Answer | Paused | Facts | None:
        """Ask a question about a bound context.

        A root model writes Python that searches and slices the text as `context`, asks sub-models about
        pieces of it, and ends with an answer. The text itself is never sent whole.

        Options come first; the rest of the line is the question, to the letter; `--` ends the options. {name}
        stands for your variable of that name, also in names of models, runs and files. As a cell magic the
        rest of the cell is the question.

            In [1]: %rlm Which service failed first, and why?
            In [2]: ans = %rlm -c logs --max-steps 8 How many requests timed out?
            In [3]: %rlm -c logs:app/monday.log What happened at noon?
            In [4]: %rlm -- -5 degrees: where is that mentioned?

        What it would send and cost, with nothing asked; and limits, which hold for the whole run:

            In [5]: %rlm --dry-run Which service failed first?
            In [6]: %rlm -m claude -s gpt --max-cost 0.50 --timeout 120 Which service failed first?

        Going on from the last run, with what was stopped, or step by step (see %rlm_step?):

            In [7]: %rlm --follow And which one was the slowest?
            In [8]: %rlm --resume last --max-steps 40
            In [9]: %rlm --step Which service failed first?

        Your functions for the model, and an answer of a given form:

            In [10]: %rlm --tool lookup --schema list[Finding] Which services failed?

        The result is an Answer: `ans.text`, `.value`, `.steps`, `.variables`, `.usage`, `.status`, and
        `ans.save("run.html")`. The stop button ends the run at once; what it found is then in the variable of
        -o and in %rlm_log, and %rlm_step goes on. Defaults: %config RLMMagics, and %rlm_status --config.
        """
        args, text = split_options(parser_of(self.rlm), line)
        if args.help:
            print(type(self).rlm.__doc__)
            return None
        for option in _NAMES_AND_FILES:
            setattr(args, option, interpolate(getattr(args, option) or "", self.shell.user_ns) or None)
        question = question_in(text, cell, self.shell.user_ns, resumed=args.resume)
        self.contexts.check_free(names_in(args.keep) + names_in(args.out))
        progress = self._progress(args)
        if args.dry_run:
            return preview(self._asker, question, args, defaults=self)
        return self._ask(question, args, progress)

    @no_var_expand
    @magic_arguments()
    @stepping_options
    @line_cell_magic
    def rlm_step(self, line: str, cell: str | None = None) -> Answer | Paused | Variables | None:
        """Let a paused run go on to its next reply: one of %rlm --step, or one that the stop button stopped.

            In [1]: %rlm --step Which service failed first?
            In [2]: %rlm_step
            In [3]: %rlm_step --vars
            In [4]: %rlm_step --edit
            In [5]: %rlm_step --say Look at the second file first.
            In [6]: %rlm_step --go
            In [7]: %rlm_step --stop

        As a cell magic the rest of the cell runs in the place of the model's code, which --edit puts there:

            In [8]: %%rlm_step
               ...: hits = context.search("timeout", limit=5)

        The model is told what ran and what you said, and the record of the run says so. The result is what
        waits then (`.reply`, `.cells`, `.variables`), or the Answer once the run is over. The run's clock
        stands still while it waits.
        """
        args, text = split_options(parser_of(self.rlm_step), line)
        if args.help:
            print(type(self).rlm_step.__doc__)
            return None
        # Lazily: there may be nothing to resume, and nothing to show.
        goes_on = GoesOn(lambda: self._progress(args), lambda: self._resume_last(args))
        return self._stepper.go_on(args, text, cell, goes_on)

    def close(self) -> None:
        """End what waits and forget what is bound, as when the extension is unloaded."""
        self._stepper.put_aside()
        self.contexts.clear()

    @no_var_expand
    @magic_arguments()
    @argument("--config", action="store_true", help="show every default and where its value comes from")
    @line_magic
    def rlm_status(self, line: str) -> Facts:
        """Show the bound contexts, the models and whether their keys are set, and what was spent.

        In [1]: %rlm_status
        In [2]: %rlm_status --config

        A default is what %config RLMMagics says, else an environment variable such as RLM_MODEL, else ours:

            In [3]: %config RLMMagics.max_cost = 0.50
        """
        if parse_line(parser_of(self.rlm_status), line).config:
            return config(self)
        return status(self.contexts, self, last=self._asker.last, spent=self._asker.spent)

    @no_var_expand
    @magic_arguments()
    @logging_options
    @line_magic
    def rlm_log(self, line: str) -> RunList | RunView | RunPair | None:
        """List recorded runs, show one, or show two side by side.

        In [1]: %rlm_log
        In [2]: %rlm_log last
        In [3]: %rlm_log last --step 2
        In [4]: %rlm_log last -o run.html
        In [5]: %rlm_log 2026-11-21_09 2026-11-21_10
        """
        args = parse_line(parser_of(self.rlm_log), line)
        return show_runs(args.runs, step=args.step, out=args.out)

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

    def _progress(self, args: Namespace) -> Progress:
        return progress_for(self.shell, "none" if args.quiet else args.progress or self.named("progress"))

    def _ask(self, question: str, args: Namespace, progress: Progress) -> Answer | Paused:
        # A run that is to go on must be over first; any other waits until this one is known to begin.
        ended = self._stepper.put_aside() if args.resume is not None else ""
        begun = self._asker.begin(question, args, progress, self)
        if remark := ended or self._stepper.put_aside():
            progress.say(remark)
        return self._stepper.begin(begun) if args.step else self._asker.ask(begun)

    def _resume_last(self, args: Namespace) -> Begun:
        """Return the last run, to go on in this cell with what it was asked with."""
        resuming, _ = split_options(parser_of(self.rlm), "--resume last")
        if self._asker.over is not None:
            resuming.out, resuming.keep = self._asker.over.out, self._asker.over.keep
        return self._asker.begin("", resuming, self._progress(args), self)
