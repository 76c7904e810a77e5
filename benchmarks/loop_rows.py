"""The figures of the loop as rows of a table, each beside rlms where rlms has the same."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One figure: what was measured here and with rlms, and what is judged, in the unit of its aim.

    `value` is None where the aim speaks of rlms and there is none: then nothing is judged.
    """

    case: str
    ours: str
    rlms: str = "-"
    value: float | None
    unit: str
    aim: float
    note: str = ""

    @property
    def is_missed(self) -> bool:
        """Whether the aim was judged, and not met."""
        return self.value is not None and self.value > self.aim


def header() -> str:
    """Return the head of the table that `line` fills."""
    return f"{'case':<66} {'rlm_magic':>10} {'rlms':>10} {'in the unit of its aim':>26} {'aim':>6}"


def line(row: Row) -> str:
    """Return a row as a line of the table."""
    judged = "not judged" if row.value is None else "MISSED" if row.is_missed else "ok"
    told = row.unit if row.value is None else f"{row.value:,.2f} {row.unit}"
    note = f"  {row.note}" if row.note else ""
    return f"{row.case:<66} {row.ours:>10} {row.rlms:>10} {told:>26} {row.aim:>6g}  {judged}{note}"
