"""The magics: each parses its line and hands over to one worker."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_cell_magic, line_magic, magics_class, no_var_expand
from IPython.core.magic_arguments import argument, magic_arguments
from traitlets import Enum, Unicode

from .binding import Contexts, is_remote, open_source, open_value
from .copying import copying
from .options import budget_of, names_in, parse_line, parser_of, reach_of, split_options
from .progress import PROGRESS_KINDS, progress_for, warnings_in_one_line
from .question import interpolate
from .tables import CacheView, ContextList, RunList, RunView, Status

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from ..context import Context
    from ..engine import Run
    from ..models import Model
    from ..records import Answer


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
        self.last_answer: Answer | None = None
        self._said: set[str] = set()

    def options(self, magic: str) -> list[str]:
        """Return the option strings of one of our magics, for completion."""
        return sorted(parser_of(getattr(self, magic))._option_string_actions)

    @no_var_expand
    @magic_arguments()
    @argument("name", nargs="?", metavar="NAME", help="the variable that will hold the context")
    @argument("source", nargs="?", metavar="SOURCE", help="a path, glob, directory, URL, or $variable")
    @argument("--to", metavar="PLACE", help="write the source as segments into a directory or s3:// prefix")
    @argument("--endpoint-url", metavar="URL", help="an S3-compatible server, such as http://localhost:9000")
    @argument("--region", help="the region of the bucket")
    @argument("--profile", help="a profile of the AWS config files")
    @argument("--anonymous", action="store_true", help="read a public bucket, without credentials")
    @argument("--unit", choices=("lines", "chars"), default="lines", help="what context[a:b] counts")
    @argument(
        "--errors", choices=("replace", "strict"), default="replace", help="what to do with invalid UTF-8"
    )
    @argument("--exclude", action="append", default=[], metavar="PATTERN", help="leave out such files")
    @argument("--warm", action="store_true", help="load the whole text into memory before anything else")
    @argument("-l", "--list", action="store_true", help="list the bound contexts")
    @argument("-x", "--unbind", metavar="BOUND", help="forget a context and delete its variable")
    @argument("-q", "--quiet", action="store_true", help="bind without showing the context")
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
        with warnings_in_one_line():
            context = self._open(args, cell)
        self.contexts.bind(args.name, context)
        if args.warm:
            with copying(self.shell, self.progress, f"loading {args.name}") as on_progress:
                context.warm(on_progress=on_progress)
        return None if args.quiet else context

    @no_var_expand
    @magic_arguments()
    @argument(
        "-c", "--context", metavar="NAME", help="the context to ask about, or a str, list or path variable"
    )
    @argument(
        "-m", "--model", help="root model, such as openai:gpt-5 or offline; $variable for a Model of yours"
    )
    @argument("-s", "--sub-model", help="model that llm_query asks")
    @argument("-n", "--max-steps", type=int, help="turns the root model may take")
    @argument("-t", "--timeout", type=float, metavar="S", help="seconds the whole run may take")
    @argument("--step-timeout", type=float, metavar="S", help="seconds one cell may take")
    @argument("--max-sub-calls", type=int, help="llm_query calls the run may make")
    @argument("--max-tokens", type=int, help="tokens the run may use, all models together")
    @argument("-b", "--max-cost", type=float, metavar="USD", help="dollars the run may cost")
    @argument("--with", dest="given", metavar="A,B", help="notebook variables that model code may use")
    @argument("--keep", metavar="A,B", help="variables of the run to copy into the notebook")
    @argument("-o", "--out", metavar="NAME", help="variable for the answer; set even when the run is stopped")
    @argument("-q", "--quiet", action="store_true", help="show nothing while the run goes")
    @argument("--progress", choices=PROGRESS_KINDS, help="how to show the run while it goes")
    @argument("-h", "--help", action="store_true", help="show this help")
    @line_cell_magic
    def rlm(self, line: str, cell: str | None = None) -> Answer | None:
        """Ask a question about a bound context.

        Options come first; the rest of the line is the question, to the letter. `{name}` stands for your
        variable of that name. As a cell magic the rest of the cell is the question.

            In [1]: %rlm Which service failed first, and why?
            In [2]: ans = %rlm -c logs --max-steps 8 How many requests timed out?
            In [3]: %rlm -- -5 degrees: where is that mentioned?

        The result is an Answer: `ans.text`, `.steps`, `.variables`, `.usage`, `.status`. The stop button ends
        the run at once; what it found is then in the variable of -o and in %rlm_log.
        """
        args, text = split_options(parser_of(self.rlm), line)
        if args.help:
            print(type(self).rlm.__doc__)
            return None
        question = self._question(text, cell)
        for name in names_in(args.keep) + names_in(args.out):
            if not name.isidentifier():
                raise UsageError(f"{name!r} is not a variable name")
        progress = progress_for(self.shell, "none" if args.quiet else args.progress or self.progress)
        return self._ask(question, args, progress)

    @no_var_expand
    @line_magic
    def rlm_status(self, line: str) -> Status:
        """Show the bound contexts, the models in use and whether their keys are set, and the last run."""
        if line.strip():
            raise UsageError(f"%rlm_status takes no arguments, not {line.strip()!r}")
        return Status(self.contexts, self.model, self.sub_model, self.last_answer)

    @no_var_expand
    @magic_arguments()
    @argument(
        "run", nargs="?", metavar="RUN", help="a run's id, the beginning of one, 'last', or a .jsonl file"
    )
    @argument("-s", "--step", type=int, metavar="N", help="show only this step")
    @argument("-o", "--out", metavar="FILE", help="write the run to FILE, .jsonl or .html")
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

    def _open(self, args: Namespace, cell: str | None) -> Context:
        from ..context import from_text

        if args.name is None:
            raise UsageError("%%rlm_context needs a name: %%rlm_context NAME")
        if cell is None and args.source is None:
            raise UsageError(
                f"name the source too: %rlm_context {args.name} SOURCE (a path, a glob, $variable)"
            )
        if cell is not None and args.source is not None:
            raise UsageError(
                f"%%rlm_context takes its text from the cell; {args.source!r} is one source too many"
            )
        self.contexts.check_name(args.name, args.source or "SOURCE")
        if cell is not None:
            # IPython ends every cell body with a newline that nobody typed.
            context = from_text(cell.removesuffix("\n"), unit=args.unit, errors=args.errors, name=args.name)
        else:
            options = {"unit": args.unit, "errors": args.errors, "exclude": args.exclude}
            # With a remote source and destination, the options are those of both.
            reach = reach_of(args) if args.to is None or is_remote(args.source, self.shell.user_ns) else {}
            context = open_source(args.source, self.shell.user_ns, **options, **reach)
        return context if args.to is None else self._write(context, args)

    def _write(self, context: Context, args: Namespace) -> Context:
        from ..context import ingest

        is_url = "://" in args.to
        reach = reach_of(args) if is_url else {}
        with copying(self.shell, self.progress, f"writing {args.to}") as on_progress:
            to = args.to if is_url else os.path.expanduser(args.to)
            return ingest(context, to, unit=args.unit, on_progress=on_progress, **reach)

    def _ask(self, question: str, args: Namespace, progress: Any) -> Answer:
        from ..session import choose_models, finish, start

        context = self.contexts.last() if args.context is None else self._context(args.context)
        models = choose_models(
            self._model(args.model or self.model), self._model(args.sub_model or self.sub_model)
        )
        if models.notice and models.notice not in self._said:
            self._said.add(models.notice)
            progress.say(models.notice)
        given = self._given(args.given)
        run = start(question, context, models=models, budget=budget_of(args), given=given, on_event=progress)
        try:
            answer = finish(run)
        finally:
            self._keep_partial(run, args.out)
        self._keep_variables(answer, args.keep)
        return answer

    def _model(self, name: str) -> str | Model | None:
        """Return what names a model: nothing, a name, or for `$variable` the Model that it holds."""
        if not name.startswith("$"):
            return name or None
        held = self.shell.user_ns.get(name[1:])
        if not hasattr(held, "complete"):
            raise UsageError(f"{name} is not a model: the variable holds {type(held).__name__}")
        return cast("Model", held)

    def _context(self, name: str) -> Context:
        if name in self.contexts:
            return self.contexts[name]
        if name in self.shell.user_ns:
            return open_value(self.shell.user_ns[name], what=f"variable {name!r}")
        bound = ", ".join(self.contexts) or "none"
        raise UsageError(f"no context or variable {name!r}; bound contexts: {bound}. See %rlm_context?")

    def _given(self, names: str | None) -> Mapping[str, object]:
        missing = [name for name in names_in(names) if name not in self.shell.user_ns]
        if missing:
            raise UsageError(f"--with: there is no variable {missing[0]!r} in the notebook")
        return {name: self.shell.user_ns[name] for name in names_in(names)}

    def _keep_partial(self, run: Run, out: str | None) -> None:
        if run.answer is not None:
            self.last_answer = run.answer
            if out is not None:
                self.shell.user_ns[out] = run.answer

    def _keep_variables(self, answer: Answer, names: str | None) -> None:
        for name in names_in(names):
            if name not in answer.variables:
                made = ", ".join(answer.variables) or "none"
                raise UsageError(
                    f"--keep: the run made no variable {name!r}; it made: {made}. The answer itself is kept: "
                    f"%rlm_log {answer.run_id}"
                )
            self.shell.user_ns[name] = answer.variables[name]

    def _question(self, text: str, cell: str | None) -> str:
        if cell is not None and text:
            raise UsageError(f"%%rlm takes its question from the cell; move {text!r} below the first line")
        question = interpolate((text if cell is None else cell).strip(), self.shell.user_ns)
        if not question:
            raise UsageError("ask something: %rlm Which service failed first, and why?")
        return question
