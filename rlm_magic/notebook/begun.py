"""A run that has begun in the notebook: on which display it shows, and what is to be done when it is over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..events import Event, RunStarted

if TYPE_CHECKING:
    from ..engine import Run
    from .asking import Setting
    from .live import Meter
    from .progress import Progress


class Relay:
    """Passes events on to the display of the cell that lets the run go on, which changes with every cell."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._started: RunStarted | None = None
        self._meter: Meter | None = None

    def __call__(self, event: Event) -> None:
        """Pass an event on."""
        if isinstance(event, RunStarted):
            self._started = event
        self._progress(event)

    def watch(self, meter: Meter) -> None:
        """Have the display, and each later one, ask `meter` for the figures of the run."""
        self._meter = meter
        self._progress.watch(meter)

    def show_on(self, progress: Progress) -> None:
        """Pass events on to another display from now on."""
        from .in_jupyter import HtmlProgress

        self._progress = progress
        if self._meter is not None:
            progress.watch(self._meter)
        # A new status line must know of how many turns it tells; lines in a terminal follow on the old ones.
        if self._started is not None and isinstance(progress, HtmlProgress):
            progress(self._started)

    def close(self) -> None:
        """Have the display stop moving."""
        self._progress.close()


@dataclass(frozen=True, slots=True)
class Begun:
    """A run, what it was asked with, and the options that say what to keep of it."""

    run: Run
    setting: Setting
    relay: Relay
    out: str | None
    keep: str | None

    def show_on(self, progress: Progress) -> None:
        """Show the run on the display of another cell from now on."""
        self.relay.show_on(progress)

    def rest(self) -> None:
        """Have the display stop moving."""
        self.relay.close()
