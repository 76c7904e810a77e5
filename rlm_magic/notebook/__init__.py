"""The notebook surface: magics, live display, and how results look. Loading imports no SDK and no engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


def load(shell: InteractiveShell) -> None:
    """Register magics, the question-mark rule, completion and displays; loading twice is the same as once."""
    from . import completion, rich
    from .magics import RLMMagics
    from .question import keep_question

    unload(shell)
    magics = RLMMagics(shell)
    shell.register_magics(magics)
    shell.input_transformers_cleanup.append(keep_question)
    completion.register(shell, magics)
    rich.register(shell)


def unload(shell: InteractiveShell) -> None:
    """Remove everything `load` registered, and the contexts that were bound and are still what they were."""
    from . import completion, rich
    from .question import keep_question

    manager = shell.magics_manager
    magics = manager.registry.pop("RLMMagics", None)
    if magics is None:
        return
    for kind, names in magics.magics.items():
        for name in names:
            manager.magics[kind].pop(name, None)
    if magics in shell.configurables:
        shell.configurables.remove(magics)
    magics.close()
    shell.input_transformers_cleanup.remove(keep_question)
    completion.unregister(shell)
    rich.unregister(shell)
