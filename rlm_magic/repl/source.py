"""From the text of a cell to code objects, with its lines kept where tracebacks look for them."""

from __future__ import annotations
import __future__

import ast
import io
import linecache
import textwrap
import tokenize
from collections.abc import Callable
from dataclasses import dataclass
from types import CodeType

_FUTURE_FLAGS = 0
for _feature in __future__.all_feature_names:
    _FUTURE_FLAGS |= getattr(__future__, _feature).compiler_flag


@dataclass(frozen=True, slots=True)
class Program:
    """A compiled cell: its statements, and its last expression when the value of that is to be shown."""

    statements: CodeType
    expression: CodeType | None


class Sources:
    """The cells of one run. `transform` turns what is not plain Python (`!cmd`, `%magic`) into Python."""

    def __init__(self, transform: Callable[[str], str] | None) -> None:
        self._transform = transform or textwrap.dedent
        # A `from __future__ import` holds for the later cells too, as in a notebook.
        self._flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        self.files: set[str] = set()

    def compile(self, code: str, *, name: str) -> Program:
        """Compile a cell. Raises what Python's compiler raises."""
        file = self._new_file(name)
        tree, source = self._parse(code, file)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        expression = None
        if isinstance(last, ast.Expr) and _ends_silently(source):
            tree.body.append(last)
        elif isinstance(last, ast.Expr):
            expression = ast.Expression(last.value)
        statements = self._compile(tree, file, "exec")
        return Program(statements, self._compile(expression, file, "eval") if expression else None)

    def close(self) -> None:
        """Forget the lines of every cell."""
        for file in self.files:
            linecache.cache.pop(file, None)
        self.files.clear()

    def _new_file(self, name: str) -> str:
        file, copies = f"<{name}>", 1
        while file in linecache.cache:
            copies += 1
            file = f"<{name} #{copies}>"
        self._keep(file, "")
        return file

    def _keep(self, file: str, source: str) -> None:
        lines = io.StringIO(source, newline=None).readlines()
        # No mtime: linecache.checkcache() then leaves the entry alone.
        linecache.cache[file] = (len(source), None, lines, file)
        self.files.add(file)

    def _parse(self, code: str, file: str) -> tuple[ast.Module, str]:
        self._keep(file, code)
        try:
            return self._tree(code, file), code
        except SyntaxError:
            # Plain Python is never transformed: only what does not parse can mean something else.
            source = self._transform(code)
            if source == code:
                raise
            self._keep(file, source)
            try:
                return self._tree(source, file), source
            except SyntaxError as error:
                raise error from None

    def _tree(self, source: str, file: str) -> ast.Module:
        tree = compile(source, file, "exec", self._flags | ast.PyCF_ONLY_AST, dont_inherit=True)
        assert isinstance(tree, ast.Module)
        return tree

    def _compile(self, tree: ast.Module | ast.Expression, file: str, mode: str) -> CodeType:
        code: CodeType = compile(tree, file, mode, self._flags, dont_inherit=True)
        self._flags |= code.co_flags & _FUTURE_FLAGS
        return code


def _ends_silently(source: str) -> bool:
    skipped = (tokenize.ENDMARKER, tokenize.NL, tokenize.NEWLINE, tokenize.COMMENT, tokenize.DEDENT)
    try:
        tokens = [t for t in tokenize.generate_tokens(io.StringIO(source).readline) if t.type not in skipped]
    except (tokenize.TokenError, SyntaxError):
        # The parser took it, so the end is an expression; the tokenizer is stricter about line ends.
        return False
    return bool(tokens) and tokens[-1].string == ";"
