"""Put what was found into words. Pure.

The answer comes first, then the lines it rests on, then a label that says who answers.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from .conversation import Conversation
from .evidence import Evidence, Findings, best_sentence, clipped, gather, rank, said, spots, whole_sentence
from .question import Question
from .scoring import coverage
from .terms import Term

LABEL = "(Offline model: rules that match words, not a language model. Check the lines.)"
MAX_EVIDENCE = 5
_ENOUGH = 0.999
_SOME = 0.5
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?(?:[.,]\d+)?Z?)?|\b\d{1,2}:\d\d(?::\d\d)?\b")
_FORM = re.compile(r"\s*(?:\w+\s+)*?(def|class|function|fn|func|struct|interface|enum|trait|type)\b")
_IN_TESTS = re.compile(r"(?:^|[/\\_])tests?(?:[/\\_.]|$)")


def compose(question: Question, conversation: Conversation) -> str:
    """Return the answer that the rows in `conversation` allow; one can always be given."""
    if question.kind == "size":
        return _sized(conversation)
    if question.kind == "overview" or not (question.terms or question.subject):
        return _overview(question, conversation)
    if counted := conversation.tagged("counted"):
        return _counted(question, conversation, counted[-1])
    if listed := conversation.tagged("listed"):
        return _listed(question, *listed[-1])
    if not spots(conversation):
        return _nothing(question, conversation)
    if question.kind == "define":
        return _defined(question, conversation)
    if question.wanted == "code" and (inside := _inside(question, conversation)):
        return inside
    return _quoted(question, conversation, gather(question, conversation))


def counted_terms(question: Question) -> list[Term]:
    """Return the terms that a counted line must hold: the needed ones, else all."""
    return [term for term in question.terms if term.needed] or list(question.terms)


def pointed_names(question: Question, conversation: Conversation) -> list[str]:
    """Return the constants that the best line names where a number was asked for: "port = HTTP_PORT"."""
    best = gather(question, conversation).best(1)
    if question.wanted != "number" or not best or re.search(r"\d", best[0].text):
        return []
    return list(dict.fromkeys(re.findall(r"\b[A-Z][A-Z0-9_]{2,}\b", best[0].text)))[:4]


def _quoted(question: Question, conversation: Conversation, found: Findings) -> str:
    if not found.ranked:
        return _nothing(question, conversation)
    best, near = found.best(1)[0], found.ranked[0].near
    share = coverage(near, question.terms, counts=found.counts)
    missing = [term.word for term in question.terms if term.needed and term.word not in near]
    absent = [term.word for term in question.terms if term.strong and not found.counts.get(term.word, 1)]
    if absent or share < _SOME:
        return _nothing(question, conversation, nearest=found.best(2), missing=absent or missing)
    values = [Evidence(*row) for row in conversation.tagged("value")][:1]
    opening = _opening(question, whole_sentence(best, found.lines))
    # "port = HTTP_PORT" gives no number; the line that was looked up for it does.
    opening += "".join(f"; and {value.place} says: {clipped(value.text)}" for value in values)
    if told := said(conversation):
        opening += f"\nThe sub-model says: {told}"
    if share < _ENOUGH and missing:
        lacking = " or ".join(repr(word) for word in missing[:3])
        opening = (
            f"No passage that I found has all of the question's words; the closest lacks {lacking}. {opening}"
        )
    return _with_evidence(opening, [*found.best(1), *values, *found.best(MAX_EVIDENCE)[1:]])


def _opening(question: Question, best: Evidence) -> str:
    sentence = best_sentence(best.text, question.terms)
    if question.order:
        about = ", ".join(repr(term.word) for term in question.terms if term.needed) or "it"
        return f"The {question.order} line that tells of {about} is {best.place}: {sentence}"
    moment = _MOMENT.search(sentence) if question.wanted == "time" else None
    if moment:
        return f"At {moment[0]} ({best.place}): {sentence}"
    return f"{best.place if best.document else best.place.capitalize()} says: {sentence}"


def _defined(question: Question, conversation: Conversation) -> str:
    found = spots(conversation)
    if conversation.tagged("count"):
        # The search for definitions came back empty, and the one after it found the bare name.
        told = f"I found no line that defines '{question.subject}'; it is only mentioned."
        return _with_evidence(told, found[:3], heading="For example:")
    first = found[0]
    alike = [each for each in found if _form(each) == _form(first) and _tested(each) == _tested(first)]
    places = "; ".join(each.place for each in alike[:MAX_EVIDENCE])
    others = [each for each in found if each not in alike]
    return _with_evidence(f"`{question.subject}` is defined in {places}.", [*alike, *others][:MAX_EVIDENCE])


def _form(each: Evidence) -> str:
    found = _FORM.match(each.text)
    return found[1] if found else "="


def _tested(each: Evidence) -> bool:
    return _IN_TESTS.search(each.document) is not None


def _inside(question: Question, conversation: Conversation) -> str | None:
    """Name the functions or classes around the lines that fit best; None when none fits well enough."""
    names = {line: str(name) for line, _opened, name in conversation.tagged("inside")}
    found = rank(question, conversation, spots(conversation))
    best = [
        each
        for each in found.ranked
        if each.words == found.ranked[0].words and found.lines[each.index].line in names
    ]
    if not best or coverage(best[0].words, question.terms, counts=found.counts) < _SOME:
        return None
    evidence = [found.lines[each.index] for each in sorted(best, key=lambda each: each.index)]
    pairs = dict.fromkeys((names[each.line], each.document) for each in evidence)
    listed = ", ".join(f"`{name}`" + (f" ({document})" if document else "") for name, document in pairs)
    return _with_evidence(f"In {listed}.", evidence[:MAX_EVIDENCE])


def _counted(question: Question, conversation: Conversation, row: Sequence[int]) -> str:
    times, lines, documents = row
    words = [question.subject] if question.subject else [term.word for term in counted_terms(question)]
    topic = " with ".join(f"'{word}'" for word in words)
    if not lines:
        return f"0: {topic} occurs nowhere in the text.\n\n{LABEL}"
    spread = f" in {_some(documents, 'document')}" if documents > 1 else ""
    if len(words) == 1:
        told = f"{times:,}: {topic} occurs {_some(times, 'time')}, on {_some(lines, 'line')}{spread}."
    else:
        told = f"{lines:,}: that is how many lines have {topic}{spread}."
    return _with_evidence(told, spots(conversation), heading="The first of them:")


def _listed(question: Question, total: int, names: Sequence[tuple[str, int]]) -> str:
    if not total:
        return f"I found no document that has '{question.subject}'.\n\n{LABEL}"
    shown = "\n".join(f"- {name or 'the text'} ({_some(number, 'line')})" for name, number in names)
    more = f"\n- and {total - len(names)} more" if total > len(names) else ""
    has = "document has" if total == 1 else "documents have"
    return f"{total} {has} '{question.subject}':\n{shown}{more}\n\n{LABEL}"


def _sized(conversation: Conversation) -> str:
    size = conversation.tagged("size")
    return f"The text has {_sizes(*size[-1])}.\n\n{LABEL}" if size else _broken(conversation)


def _overview(question: Question, conversation: Conversation) -> str:
    size, head = conversation.tagged("size"), conversation.tagged("head")
    if not size:
        return _broken(conversation)
    understanding = "it asks for understanding, which rules do not have"
    told = [f"I cannot answer this: {understanding if question.terms else 'it holds no word to search for'}."]
    told.append(f"The text has {_sizes(*size[-1])}.")
    named = [name for row in conversation.tagged("documents") for name in row[0] if name]
    if named:
        told.append(f"Its documents are {', '.join(named)}{', ...' if size[-1][2] > len(named) else '.'}")
    if head and head[-1][0].strip():
        told.append(f"It begins: {clipped(head[-1][0])}")
    return f"{' '.join(told)}\n\n{LABEL}"


def _nothing(
    question: Question,
    conversation: Conversation,
    *,
    nearest: Sequence[Evidence] = (),
    missing: Sequence[str] = (),
) -> str:
    if conversation.errors and not conversation.tagged("count") and not spots(conversation):
        return _broken(conversation)
    needed = [term.word for term in question.terms if term.needed]
    defines = question.kind == "define"
    words = [question.subject] if defines else missing or needed or [term.word for term in question.terms]
    topic = ", ".join(f"'{word}'" for word in words)
    told = f"I found nothing {'that defines' if defines else 'about'} {topic} in the text."
    return _with_evidence(told, nearest, heading="The nearest lines are about something else:")


def _broken(conversation: Conversation) -> str:
    error = conversation.errors[-1] if conversation.errors else "no output came back"
    return f"I could not search the text: {error}\n\n{LABEL}"


def _with_evidence(told: str, evidence: Sequence[Evidence], *, heading: str = "It rests on:") -> str:
    if not evidence:
        return f"{told}\n\n{LABEL}"
    cited = "\n".join(dict.fromkeys(each.cited() for each in evidence))
    return f"{told}\n\n{heading}\n{cited}\n\n{LABEL}"


def _sizes(lines: int, chars: int, documents: int) -> str:
    return f"{_some(lines, 'line')} and {_some(chars, 'character')} in {_some(documents, 'document')}"


def _some(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
