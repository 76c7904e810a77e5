"""Words as the offline rules see them: which say nothing, which belong together, how to search for one."""

from __future__ import annotations

import re

_ENGLISH = """
a about above across actually after again against all almost along already also although always am among
an and another any anybody anyone anything anywhere are aren around as ask asked at away back be became
because become been before began begin behind being below between both but by call came can cannot come
comes could couldn describe did didn do does doesn doing don done down due during each either else ever
every everyone everything exactly except explain few find for found from gave get gets getting give given
gives go goes going gone got had has hasn have haven having he hello help hence her here hers herself hi
him himself his how however i if in indeed inside instead into is isn it its itself just keep kind know
known last let like likely list look made make makes many may me mean means might mine more most much
must my myself name named near need neither never next no nobody none nor not nothing now of off often ok
on once one only onto or other others our ours out over own part per perhaps please put quite rather
really regarding right said same say says see seem seems seen shall she should shouldn show shows since
so some somebody somehow someone something sometimes somewhere still such take tell than thank thanks
that the their theirs them themselves then there therefore these they thing things this those though
through thus till to together told too toward towards try under until up upon us use used uses using very
via want was wasn way we well went were weren what whatever when whenever where wherever whether which
while who whoever whole whom whose why will with within without won would wouldn yes yet you your yours
"""
_OTHERS = """
der die das den dem des ein eine einen einem einer eines und oder ist sind war waren wird werden wurde
hat haben
wie was wer wen wem wo wann warum welche welcher welches nicht mit von zu zum zur im am auf für aus bei
nach über
le la les un une des du de et ou est sont était a ont qui que quoi quel quelle quels quelles où quand
comment
pourquoi dans sur pour par avec pas ce cette ces il elle son sa ses au aux se
el los las una unos unas y o es son fue era del al que quien quién cual cuál cuando cuándo donde dónde
cómo como
por para con sin su sus en no lo
il lo gli i uno della dello degli di e è sono chi che cosa quale quando dove come perché per con nel
nella
quem onde quando porque qual quais como são foi com em um uma os as do da dos das no na
wie wat waar wanneer waarom welke het een van op te met
кто что где когда почему зачем как какой какая какое какие сколько чей это в на и с по для не был была
было были
"""
_ABOUT_THE_TEXT = """
text texts context document documents file files line lines word words passage hidden mention mentions
mentioned contain contains contained appear appears appeared occur occurs occurred answer question
following according times time
"""
STOP_WORDS = frozenset(f"{_ENGLISH} {_OTHERS} {_ABOUT_THE_TEXT}".split())

# One meaning a row: a question that uses the first word is also answered by lines with the others. "|" is a
# blank.
_MEANINGS = (
    "fail error exception timeout timed|out refused fatal panic critical crash unreachable abort outage",
    "restart reboot relaunch started|again starting|up",
    "start begin began launch boot commence",
    "stop end finish shutdown shut|down halt terminate exit",
    "password passwd pwd passphrase passcode",
    "token apikey api_key secret credential",
    "secret password passphrase token key",
    "key code token",
    "live lived home house resid dwell address inhabit",
    "captain skipper commander",
    "leader chief head boss president director",
    "author written|by wrote writer copyright",
    "write wrote written author",
    "wrote author written|by write copyright",
    "colour color",
    "city town",
    "cause because due|to caused reason root|cause",
    "reason because due|to caused cause",
    "born birth birthplace",
    "die died death dead killed",
    "kill murder slain slew stabbed shot",
    "marry married wife husband wedding spouse",
    "buy bought purchas acquir",
    "sell sold sale",
    "pay paid payment invoice",
    "cost price amount fee",
    "price cost amount fee",
    "age years|old aged",
    "job profession occupation works|as work",
    "work job employ profession",
    "invent discover creat develop",
    "create made built invent found",
    "build built construct",
    "send sent deliver",
    "find found discover locat",
    "meet met meeting",
    "leave left depart",
    "arrive came reach",
    "eat ate food meal",
    "car vehicle automobile",
    "doctor physician dr",
    "money cash dollars",
    "email e-mail mail",
    "phone telephone",
    "connect connection connected",
    "delete remov drop erase",
    "raise raises throw",
    "default defaults",
    "maximum max limit upper",
    "minimum min lower",
    "version release",
    "language tongue speak",
    "deadline due|date due|by",
)

# Question words and particles of scripts without spaces; what is between them is what is asked about.
WIDE_STOP = re.compile(
    r"什么|什麼|哪里|哪裡|哪儿|为什么|為什麼|怎么|怎麼|多少|何时|何時|[谁誰是吗嗎呢的了在有]|です|ですか|どこ|なに|だれ|いつ|なぜ|[はがをにのでとも何か]|누구|어디|언제|무엇|왜"
)

_SUFFIXES = ("ingly", "edly", "ing", "ies", "ied", "ed", "es", "er", "ly", "s", "e", "y")
_SHORT_STEM = 4
_FREE_START = 6


def stem(word: str) -> str:
    """Return `word` in lower case without a common English ending, never shorter than three letters.

    >>> [stem(word) for word in ("defines", "running", "Ports", "failed", "city", "cities", "is")]
    ['defin', 'run', 'port', 'fail', 'cit', 'cit', 'is']
    """
    root = word.lower()
    if not root.isascii():
        return root
    for suffix in _SUFFIXES:
        if root.endswith(suffix) and len(root) - len(suffix) >= 3:
            root = root.removesuffix(suffix)
            break
    doubled = len(root) > 3 and root[-1] == root[-2] and root[-1] not in "aeiouls"
    return (root[:-1] if doubled else root).removesuffix("e") if len(root) > 3 else root


def escaped(text: str) -> str:
    """Return a regex that matches `text` itself, in Python's dialect and in RE2's alike."""
    return re.sub(r"([\\.^$*+?{}\[\]|()])", r"\\\1", text).replace("\n", r"\n")


def word_pattern(word: str) -> str:
    """Return a regex that finds `word` in its inflections, also as a part of snake_case or CamelCase names.

    >>> import re
    >>> find = lambda word, text: bool(re.search(word_pattern(word), text, re.IGNORECASE))
    >>> find("port", "HTTP_PORT = 80"), find("port", "import os"), find("failed", "FAILURE")
    (True, False, True)
    """
    root = stem(word)
    if not root.isascii():
        # No word boundaries: scripts without spaces have none, and inflections change the end.
        return escaped(root)
    start = "" if len(root) >= _FREE_START else r"(?:\b|_)"
    if len(root) > _SHORT_STEM:
        return start + escaped(root)
    # "ship" doubles its last letter in "shipped".
    again = "" if root[-1] in "aeiou" else f"{root[-1]}?"
    forms = rf"{escaped(root)}{again}(?:e?[sd]|er?|ing|y|ies|ures?)?"
    if not re.fullmatch(forms, word, re.IGNORECASE):
        # An ending that takes another away with it ("money" is no "mon"): the word as it is comes first.
        forms = f"(?:{escaped(word.lower())}|{forms})"
    return rf"{start}{forms}(?:\b|_|\d)"


def acronym_pattern(word: str) -> str:
    """Return a regex for an abbreviation, also as a part of a name: HTTP in HTTP_PORT, but not in HTTPS."""
    return rf"(?:\b|_){escaped(word)}(?:\b|_|\d)"


def exact_pattern(text: str) -> str:
    """Return a regex that finds `text` as it stands, as a whole word where it is one."""
    left = r"\b" if re.match(r"\w", text) and text.isascii() else ""
    right = r"\b" if re.search(r"\w\Z", text) and text.isascii() else ""
    return f"{left}{escaped(text)}{right}"


def related(word: str) -> tuple[str, ...]:
    """Return regexes for words that may say the same as `word` in other texts; () for most words."""
    root = stem(word)
    for row in _MEANINGS:
        members = [member.replace("|", " ") for member in row.split()]
        if stem(members[0]) == root:
            return tuple(_phrase_pattern(member) for member in members[1:])
    return ()


def _phrase_pattern(phrase: str) -> str:
    if " " in phrase or "_" in phrase or "-" in phrase:
        return rf"\b{escaped(phrase).replace(' ', r'[ _-]')}"
    return word_pattern(phrase)
