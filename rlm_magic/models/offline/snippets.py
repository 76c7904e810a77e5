"""The code that the offline model's cells are put together from (see cells.py). Text only.

It is shown to the user, so it reads like what a person would type. Each snippet prints rows, one JSON list
a line (see conversation.py), and leaves its findings as variables: `hits`, `windows`, `evidence`. A constant
that a snippet uses is bound in front of it. Places in the text are spots: a line, and in a giant line the
piece of 1,000 characters; piece 0 elsewhere.
"""

from __future__ import annotations

PROBE = """\
import json

lines = context.lines
names = list(context.documents)
print(json.dumps(["size", len(lines), len(context.chars), len(names)]))
print(json.dumps(["documents", [str(name)[:80] for name in names[:5]]]))
print(json.dumps(["head", context.chars[:200]]))
print(json.dumps(["tail", context.chars[-200:]]))
"""

SCOPE = """\
import re

scope = [name for name in names if re.search(wanted, str(name), re.IGNORECASE)]
scope = scope if len(scope) <= 8 else []
print(json.dumps(["scope", [str(name) for name in scope]]))
"""

PLACES = """\
import math
import re
from itertools import combinations, islice

print(json.dumps(["search"]))
places = [(name, context.documents[name]) for name in scope] or [("", context)]
starts, total = {}, 0  # the first line of each document
for name in names:
    starts[name] = total
    total += len(context.documents[name].lines)
"""

LOOK = """\
for one, other in pairs:  # two words side by side say more than apart
    (first, _), (second, _), gap = terms[one], terms[other], beside
    terms[f"{one} {other}"] = (f"(?:{first}){gap}(?:{second})|(?:{second}){gap}(?:{first})", 1.0)


def look(pattern):
    return [
        (starts.get(name, 0) + match.line, match)
        for name, place in places
        for match in place.search(pattern, ignore_case=True, limit=limit)
        if not (unless and re.search(unless, match.text))
    ]


found = {word: look(pattern) for word, (pattern, weight) in terms.items()}
for word, matches in found.items():
    print(json.dumps(["count", word, len(matches)]))
common = [word for word in found if len(found[word]) >= limit][:4]
for one, other in combinations(common, 2):  # too many of each: where do they meet?
    (first, _), (second, _) = terms[one], terms[other]
    both = look(f"(?:{first}).*(?:{second})|(?:{second}).*(?:{first})")
    found[one], found[other] = found[one] + both, found[other] + both
"""

RANK = """\
holds, seen = {}, {}
for word, matches in found.items():
    for number, match in matches:
        giant = len(match.text) > 2000
        every = re.finditer(terms[word][0], match.text, re.IGNORECASE) if giant else ()
        for at in [hit.start() for hit in islice(every, 200)] or [match.start]:
            spot = (number, at // 1000 if giant else 0)
            holds.setdefault(spot, set()).add(word)
            seen.setdefault(spot, (match, at))
rare = {word: weight / math.log2(2 + len(found[word])) for word, (pattern, weight) in terms.items()}


def worth(spot):
    number, piece = spot
    around = [(number + step, piece) for step in (-2, -1, 1, 2)] + [(number, piece - 1), (number, piece + 1)]
    near = {word for each in around for word in holds.get(each, ())} - holds[spot]
    return sum(rare[word] for word in holds[spot]) + sum(rare[word] for word in near) / 3


hits = sorted(holds, key=lambda spot: (-worth(spot), spot))
"""

SPREAD = """\
chosen = []
for number, piece in hits[:1000]:
    if all(abs(number - line) > 3 or abs(piece - part) > 1 for line, part in chosen):
        chosen.append((number, piece))
"""

IN_ORDER = """\
def moment(spot):
    stamp = re.search(r"\\d{4}-\\d\\d-\\d\\d[T ]\\d\\d:\\d\\d(?::\\d\\d(?:[.,]\\d+)?)?", seen[spot][0].text)
    return stamp[0].replace("T", " ") if stamp else ""


most = max((len(holds[spot] & needed) for spot in hits), default=0)
hits = [spot for spot in hits if len(holds[spot] & needed) == most]
timed = all(moment(spot) for spot in hits)
hits = chosen = sorted(hits, key=lambda spot: (moment(spot) if timed else "", spot), reverse=latest)
"""

SHOW = """\
for number, piece in chosen[:spots]:
    match, at = seen[number, piece]
    where = [str(match.document or ""), number - starts.get(match.document, 0) + 1]
    text = match.text[max(0, at - 100) : at + 200].strip()
    print(json.dumps(["spot", number, piece, *where, sorted(holds[number, piece]), text]))
"""

DEFINE = """\
holds, seen, ranks = {}, {}, {}
for rank, pattern in enumerate(patterns):
    for match in context.search(pattern, limit=200):
        spot = (match.line, 0)
        indent = len(match.text) - len(match.text.lstrip())
        tested = bool(re.search(r"(^|[/\\\\_])tests?([/\\\\_.]|$)", str(match.document or "")))
        ranks.setdefault(spot, (tested, rank, indent, match.line))
        holds.setdefault(spot, {subject})
        seen.setdefault(spot, (match, match.start))
hits = chosen = sorted(ranks, key=ranks.get)
"""

READ = """\
windows = []
for number, piece in picked:
    match, at = seen[number, piece]
    if len(match.text) > 2000:
        windows.append(f"{number}@{piece}: " + match.text[max(0, at - 500) : at + 700].replace("\\n", " "))
    else:
        first = starts.get(match.document, 0)
        end = first + len(context.documents[match.document].lines) if match.document in starts else len(lines)
        near = range(max(first, number - 6), min(end, number + 10))
        windows.append("\\n".join(f"{line}: {lines[line][:2000].rstrip()}" for line in near))
    print(json.dumps(["window", number, piece, len(windows[-1])]))
"""

INSIDE = """\
opener = re.compile(r"(\\s*)(?:(?:async|pub|export|static)\\s+)*(def|function|fn|func|class)\\s+(\\w+)")
inside = {}
for number, piece in chosen[:spots]:
    depth = len(lines[number]) - len(lines[number].lstrip())
    for line in range(number, max(-1, number - 2000), -1):
        head = opener.match(lines[line][:300])
        if not head or (line != number and len(head[1]) >= depth):
            continue
        depth = len(head[1])
        if (head[2] == "class") == classes:
            inside[number] = head[3]
            print(json.dumps(["inside", number, line, head[3]]))
        if inside.get(number) or head[2] == "class":
            break
"""

ASK = """\
prompts = [f"Question: {question}\\n\\n{heading}\\n{window}" for window in windows]
evidence = llm_query_batched(prompts)


def is_there(line, window):  # a reply may hold lines that the text does not
    label, _, told = line.partition(": ")
    told = told.strip()
    return bool(told) and any(row.startswith(f"{label}: ") and told in row for row in window.split("\\n"))


for number, reply in enumerate(evidence):
    kept = [line for line in str(reply).split("\\n") if is_there(line, windows[number])]
    print(json.dumps(["reply", number, "\\n".join(kept)[:2000]]))
    if not kept:
        print(json.dumps(["said", number, str(reply)[:400]]))
"""

FOLLOW = """\
values = [match for name in pointed for match in context.search(form.format(name=name), limit=50)]
for match in sorted(values, key=lambda match: (str(match.document or "") != document, match.line))[:3]:
    where = [str(match.document or ""), match.line - starts.get(match.document, 0) + 1]
    print(json.dumps(["value", match.line, *where, match.text.strip()[:200]]))
"""

COUNT = """\
import re

print(json.dumps(["search"]))
flags = re.IGNORECASE if ignore_case else 0
hits = [
    match
    for match in context.search(patterns[0], ignore_case=ignore_case, limit=10_000_000)
    if all(re.search(pattern, match.text, flags) for pattern in patterns[1:])
]
times = sum(len(re.findall(patterns[0], match.text, flags)) for match in hits)
print(json.dumps(["counted", times, len(hits), len({match.document for match in hits})]))
for match in hits[:3]:
    text = match.text[max(0, match.start - 100) : match.start + 200].strip()
    print(json.dumps(["spot", match.line, 0, str(match.document or ""), 0, [], text]))
"""

LIST = """\
listed = {}
for match in context.search(pattern, ignore_case=ignore_case, limit=1_000_000):
    name = str(match.document or "")
    listed[name] = listed.get(name, 0) + 1
print(json.dumps(["listed", len(listed), [[name[:120], listed[name]] for name in list(listed)[:40]]]))
"""

PLAIN = """\
import json

print(json.dumps(["search"]))
hits = []
for number, line in enumerate(context.lines):
    low = line.lower()
    holding = [word for word in words if word in low]
    if holding:
        hits.append((-len(holding), number, holding, line[:300].strip()))
    if number >= 1_000_000:
        break
hits = sorted(hits)[:8]
for _, number, holding, text in hits:
    print(json.dumps(["spot", number, 0, "", number + 1, holding, text]))
"""
