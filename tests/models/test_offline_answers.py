"""Look-up questions over texts that the offline model has never seen, through a minimal loop."""

from __future__ import annotations

import pytest

from .small_loop import PlainContext, play

FILLER = "\n".join(
    f"The quick brown fox number {n} jumps over the lazy dog near the river." for n in range(400)
)

LOG = """\
2024-05-01T10:00:00Z INFO  gateway: listening on 0.0.0.0:8443
2024-05-01T10:00:02Z INFO  payments: started, 0 errors so far
2024-05-01T10:00:05Z INFO  orders: connected to db-2
2024-05-01T10:03:11Z DEBUG inventory: cache miss for sku 8812
2024-05-01T10:04:40Z ERROR inventory: connection refused by db-1 (10.0.0.7:5432)
2024-05-01T10:04:41Z ERROR orders: upstream inventory unavailable, giving up after 3 tries
2024-05-01T10:04:42Z FATAL payments: panic: ledger out of sync
2024-05-01T10:06:00Z INFO  payments: service restarted by supervisor, pid 4711
2024-05-01T10:09:30Z INFO  orders: recovered
2024-05-01T10:12:00Z ERROR gateway: timeout talking to orders
"""

LOGS = {
    "api.log": "2024-05-01 10:09:00 ERROR api: request failed\n2024-05-01 10:10:00 INFO api: ok\n",
    "billing.log": "2024-05-01 10:07:30 ERROR billing: disk full\n2024-05-01 10:11:00 INFO billing: up\n",
    "cron.log": "2024-05-01 10:01:00 INFO cron: tick\n2024-05-01 10:12:00 ERROR cron: job failed\n",
}

SHIP = """\
The Pequod left Nantucket on a cold Christmas morning.

Captain Ahab was the captain of the ship, and he had a leg of ivory. Starbuck was the first mate, a man
from Nantucket. Queequeg, the harpooner, shared a room with Ishmael at the Spouter Inn.

Alice lives in Lisbon. Her brother Bob moved to Oslo because the winters there are dark and he
wanted to sleep. Their dog is called Biscuit.
"""

CODE = {
    "shop/cart.py": """\
MAX_ITEMS = 25


class Cart:
    def add(self, item):
        if len(self.items) >= MAX_ITEMS:
            raise CartFull(item)
        self.items.append(item)

    def clear(self):
        self.items = []
""",
    "shop/errors.py": "class CartFull(Exception):\n    '''Raised when a cart is full.'''\n",
    "shop/net.py": """\
import json

DEFAULT_PORT = 8123
timeout_s: float = 2.5


async def fetch(url):
    return json.loads(url)
""",
    "lib/util.go": """\
package lib

func (s *Store) Compact(level int) error {
\treturn nil
}
""",
    "lib/util.c": """\
#include <stdio.h>

static int parse_header(const char *buf, int n) {
    return 0;
}
""",
    "web/app.js": "export async function loadCart(id) {\n  return fetch(`/${id}`);\n}\nconst RETRIES = 3;\n",
}

CONFIG = """\
[server]
host = "srv-17.example.net"
port = 9090
max_connections = 512

[auth]
admin_password = "correct-horse-battery"
token: 7f3a-99bc
session_ttl = 3600
"""

HAY = FILLER + "\nThe magic number is 7421385.\n" + FILLER
GIANT = (
    " ".join(f"word{n} lorem ipsum dolor" for n in range(60_000))
    + " the vault code is 90210-A "
    + "x" * 300_000
)

CASES: list[tuple[str | dict[str, str], str, list[str], list[str]]] = [
    (
        LOG,
        "Which service failed first, and why?",
        ["inventory", "connection refused by db-1"],
        ["payments", "0 errors so far"],
    ),
    (LOG, "When did the payment service restart?", ["10:06:00", "restarted by supervisor"], []),
    (LOG, "How many times did ERROR occur?", ["3: 'ERROR' occurs 3 times, on 3 lines."], []),
    (LOG, "How many lines mention payments?", ["occurs 3 times"], []),
    (LOG, "Why did payments panic?", ["ledger out of sync"], []),
    (LOG, "What was the last error?", ["timeout talking to orders"], []),
    (LOG, "What is the pid of payments?", ["4711"], []),
    (LOG, "Which host refused the connection?", ["10.0.0.7:5432"], []),
    (LOG, "When did the kubernetes scheduler crash?", ["nothing"], []),
    (LOGS, "Which service failed first, and why?", ["billing", "disk full", "10:07:30"], []),
    (HAY, "What is the magic number hidden in the text?", ["7421385"], []),
    (HAY, "What is the secret password?", ["nothing"], ["7421385"]),
    (GIANT, "What is the vault code?", ["90210-A"], []),
    (SHIP, "Who is the captain of the ship?", ["Ahab"], ["nothing"]),
    (SHIP, "Where does Alice live?", ["Lisbon"], ["nothing"]),
    (SHIP, "Why did Bob move to Oslo?", ["winters there are dark and he wanted to sleep"], ["Alice"]),
    (SHIP, "What is the name of the dog?", ["Biscuit"], []),
    (SHIP, "Who is Queequeg?", ["harpooner"], []),
    (SHIP, "Where does Zebulon live?", ["nothing", "Zebulon"], []),
    (SHIP, "What is the colour of the dragon?", ["nothing"], []),
    (SHIP, "Who did Queequeg share a room with?", ["Ishmael"], []),
    (CODE, "Which module defines the class Cart?", ["shop/cart.py, line 4"], []),
    (CODE, "Where is CartFull defined?", ["shop/errors.py, line 1"], []),
    (CODE, "Which function raises CartFull?", ["`add`", "shop/cart.py"], ["`clear`"]),
    (CODE, "Which file defines fetch?", ["shop/net.py, line 7"], []),
    (CODE, "Where is Compact implemented?", ["lib/util.go, line 3"], []),
    (CODE, "Where is the function parse_header defined?", ["lib/util.c, line 3"], []),
    (CODE, "In which file is `loadCart` defined?", ["web/app.js, line 1"], []),
    (CODE, "What is the value of RETRIES?", ["const RETRIES = 3"], []),
    (CODE, "What is the default port?", ["8123"], []),
    (CODE, "How many items can a cart hold at most? (MAX_ITEMS)", ["MAX_ITEMS = 25"], []),
    (CODE, "Which module defines the function teleport?", ["nothing", "teleport"], ["is defined in"]),
    (CODE, "Where is 'append' defined?", ["no line that defines", "append"], ["is defined in"]),
    (CODE, "Which modules import json?", ["1 document has", "shop/net.py"], ["cart.py"]),
    (CODE, "How many documents are there?", ["6 documents"], []),
    (CONFIG, "What is the admin password?", ["correct-horse-battery"], []),
    (CONFIG, "What is the token?", ["7f3a-99bc"], []),
    (CONFIG, "On which port does the server listen?", ["9090"], []),
    (CONFIG, "What is the session TTL?", ["3600"], []),
    (CONFIG, "What is max_connections?", ["512"], []),
    (
        "Der Kapitän des Schiffes heißt Johann.\nDie Katze schläft.\n",
        "Wie heißt der Kapitän?",
        ["Johann"],
        [],
    ),
    ("船长的名字是亚哈。\n今天天气很好。\n", "谁是船长?", ["亚哈"], []),
    ("Le capitaine habite à Brest.\nLe chat dort.\n", "Où habite le capitaine ?", ["Brest"], []),
    ("Капитан корабля — Иван.\nКошка спит.\n", "Кто капитан?", ["Иван"], []),
    ("", "Who is the captain?", ["nothing"], []),
    ("\x00\x01\x02\ufffd\x85\x1c\r\x0b junk\n" * 50, "Who is the captain?", ["nothing"], []),
    (SHIP, "What is it?", ["no word to search for", "Pequod"], []),
    (SHIP, "", ["no word to search for"], []),
    (SHIP, "Summarise this text.", ["cannot answer"], []),
]


def as_context(text: str | dict[str, str]) -> PlainContext:
    return PlainContext(text if isinstance(text, dict) else {"": text})


@pytest.mark.parametrize(
    ("text", "question", "expected", "unexpected"), CASES, ids=[case[1][:50] for case in CASES]
)
def test_answer_holds_what_the_text_says(
    text: str | dict[str, str], question: str, expected: list[str], unexpected: list[str]
) -> None:
    played = play(as_context(text), question)
    told = played.answer.partition("\n\n")[0]  # the answer itself; below it stand the lines it rests on
    for words in expected:
        assert words in told, played.answer
    for words in unexpected:
        assert words not in told, played.answer
