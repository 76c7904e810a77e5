"""What the benchmark's models say: the nine steps of a run, and the answer that they come to.

The code is such as both systems take: one block called `repl` in a reply, characters `context[a:b]`, and the
`answer` dict at the end. It reads 50 windows, so that its own work is the same for every size. Imports only
what comes with Python: the interpreter that has rlms need not have more.
"""

from __future__ import annotations

import re

QUESTION = "How many errors are in the windows?"
STEPS = (
    "print(len(context))\nprint(context[:500])",
    "middle = len(context) // 2\nprint(context[middle : middle + 1000])",
    """starts = range(0, len(context) - 1000, len(context) // 50)
windows = [context[start : start + 1000] for start in starts]
errors = sum(window.count("ERROR") for window in windows)
print(len(windows), errors)""",
    """import re
ids = re.findall(r"id=([0-9a-f]{8})", "".join(windows))
print(len(ids), ids[:5])""",
    """def service_of(line):
    return line.split(" ")[2] if line.count(" ") > 2 else ""

services = {}
for line in "".join(windows).split("\\n"):
    services[service_of(line)] = services.get(service_of(line), 0) + 1
print(services)""",
    """verdict = llm_query("Is there an incident here?\\n" + windows[0])
print(verdict)""",
    """verdicts = llm_query_batched(["Is there an incident here?\\n" + window for window in windows[:4]])
print(verdicts)""",
    """report = f"{errors} errors in {len(windows)} windows, {len(ids)} ids; {verdict}, {len(verdicts)} more"
print(report)""",
    'answer["content"] = report\nanswer["ready"] = True',
)

BATCH = """import time
prompts = [f"Window {number}: " + context[1000 * number : 1000 * number + 500] for number in range(64)]
began = time.perf_counter()
replies = llm_query_batched(prompts)
seconds = time.perf_counter() - began
answer["content"] = f"{len([reply for reply in replies if reply.startswith('sub: ')])} {seconds}"
answer["ready"] = True"""

_PROSE = "The text is too long to read at once, so I look at a part of it and note what I find."


def reply(code: str) -> str:
    """Return a reply with one cell."""
    return f"{_PROSE}\n\n```repl\n{code}\n```\n"


def sub_reply(prompt: str) -> str:
    """Return what the sub-model says."""
    return f"sub: {len(prompt)} characters"


def expected(text: str) -> str:
    """Return the answer of the nine steps about a text, made without either system."""
    starts = range(0, len(text) - 1000, len(text) // 50)
    windows = [text[start : start + 1000] for start in starts]
    errors = sum(window.count("ERROR") for window in windows)
    ids = re.findall(r"id=([0-9a-f]{8})", "".join(windows))
    verdict = sub_reply("Is there an incident here?\n" + windows[0])
    return f"{errors} errors in {len(windows)} windows, {len(ids)} ids; {verdict}, 4 more"
