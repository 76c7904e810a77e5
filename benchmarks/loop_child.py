"""The measured process: one of the systems is asked about a text, again and again.

loop_place starts it with the interpreter that has the system, so it imports neither at the top, and of the
benchmark only what needs no package.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import log_text
import loop_script

Ask = Callable[[str], str]


def with_rlm_magic(megabytes: int, url: str, sub_model: str) -> Ask:
    """Return a function that asks rlm_magic about a str, whose slices are characters as in rlms."""
    return _rlm_magic(text_of(megabytes), url, sub_model)


def with_rlm_magic_file(megabytes: int, url: str, sub_model: str) -> Ask:
    """Return a function that asks rlm_magic about a file, which this process never holds as a str."""
    path = Path(tempfile.mkdtemp(dir=os.environ["RLM_DATA_DIR"])) / "text.log"
    log_text.write(path, megabytes)
    return _rlm_magic(path, url, sub_model)


def _rlm_magic(source: str | Path, url: str, sub_model: str) -> Ask:
    import rlm_magic

    def ask(model: str) -> str:
        # The source, not a context bound beforehand: rlms binds the text anew for each question too.
        context = rlm_magic.open_context(source, unit="chars")
        root, sub = (f"vllm:{name}@{url}" for name in (model, sub_model))
        answer = rlm_magic.ask(loop_script.QUESTION, context, model=root, sub_model=sub)
        assert answer.status == "answered", answer.status
        return answer.text

    return ask


def with_rlms(megabytes: int, url: str, sub_model: str) -> Ask:
    """Return a function that asks rlms, with its defaults."""
    from rlm import RLM  # type: ignore[import-not-found]

    text = text_of(megabytes)
    server = {"base_url": url, "api_key": "none"}
    other = {"other_backends": ["openai"], "other_backend_kwargs": [{"model_name": sub_model, **server}]}

    def ask(model: str) -> str:
        run = RLM(backend="openai", backend_kwargs={"model_name": model, **server}, **other)
        return str(run.completion(text, root_prompt=loop_script.QUESTION).response)

    return ask


SYSTEMS: Mapping[str, Callable[[int, str, str], Ask]] = {
    "rlm_magic": with_rlm_magic,
    "rlm_magic-file": with_rlm_magic_file,
    "rlms": with_rlms,
}


def text_of(megabytes: int) -> str:
    """Return the text. Its parts are forty blocks that repeat, so there is never a second copy of it."""
    return "".join(log_text.blocks(megabytes))


def peak_bytes() -> int:
    """Return the largest resident size of this process up to now."""
    try:
        # getrusage would report the peak of the process that started this one, if that was larger.
        found = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
    except OSError:
        scale = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale
    assert found is not None
    return int(found[1]) * 1024


def run(ask: Ask, model: str) -> dict[str, object]:
    """Ask a model once; return the answer, and when that began and ended."""
    began_at = time.time()
    answer = ask(model)
    return {"model": model, "answer": answer, "began_at": began_at, "ended_at": time.time()}


def main() -> None:
    """Ask NAME-0, NAME-1, ...; print the runs, and the peak after the first, before others add to it."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("system", choices=SYSTEMS)
    parser.add_argument("url")
    parser.add_argument("name")
    parser.add_argument("sub_model")
    parser.add_argument("megabytes", type=int)
    parser.add_argument("runs", type=int)
    given = parser.parse_args()
    ask = SYSTEMS[given.system](given.megabytes, given.url, given.sub_model)
    runs = [run(ask, f"{given.name}-0")]
    peak = peak_bytes()
    runs += [run(ask, f"{given.name}-{number}") for number in range(1, given.runs)]
    text = text_of(given.megabytes)
    told = {"runs": runs, "peak_bytes": peak, "text_bytes": len(text), "expected": loop_script.expected(text)}
    print(json.dumps(told))


if __name__ == "__main__":
    main()
