"""The measured process: one of the systems is asked about a text, again and again. See loop_place.Place.measure.

Run by the interpreter that has the system, so it imports neither at the top, and of the benchmark only what
needs no package.
"""

from __future__ import annotations

import argparse
import json
import re
import resource
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import log_text
import loop_script

Ask = Callable[[str], str]


def with_rlm_magic(text: str, url: str, sub_model: str) -> Ask:
    """Return a function that asks rlm_magic about a str, whose slices are characters as in rlms."""
    import rlm_magic

    context = rlm_magic.open_context(text, unit="chars")

    def ask(model: str) -> str:
        answer = rlm_magic.ask(
            loop_script.QUESTION, context, model=f"vllm:{model}@{url}", sub_model=f"vllm:{sub_model}@{url}"
        )
        assert answer.status == "answered", answer.status
        return answer.text

    return ask


def with_rlms(text: str, url: str, sub_model: str) -> Ask:
    """Return a function that asks rlms, with its defaults: it keeps no record."""
    return _rlms(text, url, sub_model, None)


def with_rlms_recording(text: str, url: str, sub_model: str) -> Ask:
    """Return a function that asks rlms, which keeps its record in memory, as its `logger` does by default."""
    from rlm.logger import RLMLogger

    return _rlms(text, url, sub_model, RLMLogger())


def _rlms(text: str, url: str, sub_model: str, logger: object) -> Ask:
    from rlm import RLM

    def ask(model: str) -> str:
        server = {"base_url": url, "api_key": "none"}
        run = RLM(
            backend="openai",
            backend_kwargs={"model_name": model, **server},
            other_backends=["openai"],
            other_backend_kwargs=[{"model_name": sub_model, **server}],
            logger=logger,
        )
        return str(run.completion(text, root_prompt=loop_script.QUESTION).response)

    return ask


SYSTEMS: Mapping[str, Callable[[str, str, str], Ask]] = {
    "rlm_magic": with_rlm_magic,
    "rlms": with_rlms,
    "rlms-recording": with_rlms_recording,
}


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
    # Joined from forty blocks that repeat: no second copy of the text, so the peak is the system's own.
    text = "".join(log_text.blocks(given.megabytes))
    ask = SYSTEMS[given.system](text, given.url, given.sub_model)
    runs = [run(ask, f"{given.name}-0")]
    peak = peak_bytes()
    runs += [run(ask, f"{given.name}-{number}") for number in range(1, given.runs)]
    told = {"runs": runs, "peak_bytes": peak, "text_bytes": len(text), "expected": loop_script.expected(text)}
    print(json.dumps(told))


if __name__ == "__main__":
    main()
