"""Every default of rlm_magic, once. Times in seconds, sizes in bytes or characters, money in US dollars."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextConfig:
    """How a context is stored and read."""

    segment_bytes: int = MIB
    object_bytes: int = 64 * MIB
    str_limit_chars: int = 1_000_000
    """`str(context)` refuses above this: a model that prints the whole text gains nothing."""
    search_limit: int = 1_000
    """`search` stops after this many matches unless told otherwise."""
    memory_bytes: int = 1024 * MIB
    """What segments read from a store may occupy in memory; a text given as a str is not counted."""
    slice_limit_bytes: int = 4096 * MIB
    """No single result may need more memory than this, or than half of what the machine has left."""
    request_bytes: int = 8 * MIB
    """Neighbouring segments are read in one request of at most this size."""
    read_threads: int = 8
    """For a local directory."""
    connections: int = 144
    """Requests to a remote store at once, at most; threads for them are started as needed."""
    fewest_connections: int = 4
    """A store that asks for fewer requests (503, 429) gets fewer at once, but so many."""
    background_connections: int = 56
    """Of those, what reading ahead may occupy: the others are always free for the foreground."""
    shared_connections: int = 128
    """A large read is divided so that about so many connections share it."""
    split_bytes: int = 256 * 1024
    """Neighbours are not divided into requests smaller than this."""
    connection_idle_s: float = 5.0
    stream_segments: int = 64
    """A remote text that is streamed is read in batches that grow to so many segments."""
    prefetch_bytes: int = 256 * MIB
    """What is on its way ahead of time and not yet there, at most."""
    read_attempts: int = 5
    read_deadline_s: float = 60.0
    """A single request, its retries included, is given up after this."""
    slowest_bytes_per_s: int = 128 * 1024
    """And may take as much longer as all that is read beside it would at this rate."""
    hedge_unknown_s: float = 2.0
    """A read is asked for a second time when it is late by what others took; before any came, after this."""
    hedge_share: float = 0.05
    """Requests sent a second time, as a share of all; a few are always allowed."""
    complete_s: float = 2.0
    """How long completing a remote address may take."""
    retry_first_s: float = 0.1
    retry_most_s: float = 5.0
    """The pause before a retry is random, up to a limit that doubles from the first to the last of these."""
    connect_timeout_s: float = 5.0
    request_timeout_s: float = 30.0
    """An answer that brings nothing for so long is not waited for."""
    transfer_timeout_s: float = 600.0
    """Nor is one that is not complete after this; what is sent has this long, as its answer comes last."""
    idle_connections: int = 144
    """Kept open to one remote store; as many as ever read from it at once, or each would be made anew."""
    coverage_bytes: int = 256 * MIB
    """Of what a run has read, so much is compared with the prompts of a step, what is in memory only."""
    index_threads: int = 128
    """Remote objects without a manifest are read by so many at once, to be indexed."""
    index_ahead_bytes: int = 256 * MIB
    """And at most this much of them is in memory."""
    upload_threads: int = 32
    upload_ahead_bytes: int = 192 * MIB
    """What is on its way to a remote store and not yet there."""
    upload_part_bytes: int = 8 * MIB
    upload_parts: int = 8
    """An object larger than one part is uploaded by so many parts at once."""
    abandoned_after_s: float = 86_400.0
    """What a killed writer left unfinished in a directory is deleted by the next one after this."""
    remember_from_bytes: int = 16 * MIB
    """The index of local files is remembered on disk from this size on; a smaller one is made anew."""
    remembered_indexes: int = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskConfig:
    """How the cache on disk is kept."""

    size_bytes: int = 8192 * MIB
    """All of it, unless RLM_CACHE_BYTES says otherwise; RLM_CACHE=off turns it off."""
    largest_share: float = 0.01
    """A value larger than this share of the cache is not kept: it would evict too many others."""
    free_share: float = 0.05
    """Nothing is written when less than this share of the disk would stay free."""
    queue_bytes: int = 64 * MIB
    """What waits to be written, at most, beside segments that are in memory anyway; more is not kept."""
    busy_s: float = 1.0
    """How long to wait for another process that holds the cache."""
    retry_after_s: float = 5.0
    """After a fault the cache is left alone for so long."""
    idle_s: float = 5.0
    """The writing thread ends when it had nothing to do for so long."""
    fork_s: float = 2.0
    """How long a fork waits for a read or a write to end; without that the child has no cache."""
    pause_s: float = 0.2
    """Writing begins so long after there is something to write: who has just read goes on with it first."""
    exit_s: float = 1.0
    """What still waits when the process ends gets so long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What a run may spend; None means no limit. Checked before each call, over the whole run."""

    steps: int = 20
    seconds: float | None = 600.0
    cell_seconds: float = 60.0
    """Per cell; the clock stands still while a cell waits for its sub-calls."""
    sub_calls: int | None = 200
    """Every model call below the root model's own: sub-models', and all calls of child runs."""
    max_depth: int = 1
    """Levels of child runs below the root; at the last, `rlm_query` asks a sub-model instead."""
    child_steps: int = 10
    """Of each child run; all its other limits are those of the whole run."""
    tokens: int | None = None
    cost_usd: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineConfig:
    """How the loop behaves."""

    output_chars: int = 20_000
    """Output of one cell shown to the model: head and tail of this many characters in all."""
    concurrency: int = 16
    """Sub-calls of one batch in flight at a time."""
    child_concurrency: int = 8
    """Child runs of one batch under way at a time. Their cells nest, so each costs room on the stack."""
    batch_seconds: float = 300.0
    """What a batch has not got back by then counts as failed; what came is kept."""
    rate_limit_seconds: float = 300.0
    """A call that its provider keeps refusing for its rate is given up after this."""
    backoff_first_s: float = 1.0
    backoff_most_s: float = 30.0
    """The pause after such a refusal that names none: doubled each time, from the one to the other."""
    compact_share: float = 0.8
    """Older steps are summarised once the conversation fills this much of the root model's window."""
    default_window_tokens: int = 128_000
    """Assumed of a root model whose window is not known."""
    kept_steps: int = 2
    """The last steps, which stay word for word when older ones are summarised, if they leave room."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplConfig:
    """How a repl guards its cells; what the model is shown of their output is the engine's to decide."""

    capture_chars: int = 1_000_000
    """Kept of each stream, of the displays and of the last value: head and tail of this many in all."""
    error_chars: int = 10_000
    """Kept of a traceback."""
    repeat_s: float = 1.0
    """A cell that caught its own stop is stopped again after this long, until it ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelConfig:
    """Which models are used when none is named: the first provider whose key is set, else offline."""

    openai: tuple[str, str] = ("openai:gpt-5", "openai:gpt-5-nano")
    anthropic: tuple[str, str] = ("anthropic:claude-sonnet-5-5", "anthropic:claude-haiku-5-5")
    openrouter: tuple[str, str] = ("openrouter:openai/gpt-5", "openrouter:openai/gpt-5-nano")
    vercel: tuple[str, str] = ("vercel:openai/gpt-5", "vercel:openai/gpt-5-nano")
    gemini: tuple[str, str] = ("gemini:gemini-3.8-flash", "gemini:gemini-3.5-flash-lite")
    bedrock: tuple[str, str] = (
        "bedrock:global.anthropic.claude-sonnet-5-5",
        "bedrock:global.anthropic.claude-haiku-5-5",
    )
    vertex: tuple[str, str] = ("vertex:claude-sonnet-5-5", "vertex:claude-haiku-5-5")
    offline: tuple[str, str] = ("offline", "offline")
    max_output_tokens: int = 16_000
    """Sent to providers that demand a cap (Anthropic), unless an option says otherwise."""
    timeout_s: float = 300.0
    max_retries: int = 4
    """Of refused connections and faults of the server; rate limits are the caller's to wait for."""
    reply_cache_bytes: int = 1024 * MIB
    """What replies of sub-models may occupy on disk, when a run is asked with a cache."""
    azure_api_version: str = "2024-10-21"
    """When OPENAI_API_VERSION is not set."""
