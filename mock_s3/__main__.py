"""The command: `python -m mock_s3 serve DIR` and `python -m mock_s3 sample DIR --lines N`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from . import config
from .faults import parse_faults
from .network import Network
from .sample import write_sample

_LOOPBACK = ("127.0.0.1", "::1", "localhost")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status; usage errors exit with 2 as argparse does."""
    parser = _parser()
    options = parser.parse_args(arguments)
    return _serve(parser, options) if options.command == "serve" else _sample(parser, options)


def _serve(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    from .server import run

    if not os.path.isdir(options.directory):
        _fail(parser, f"{options.directory} is not a directory; make it, each directory in it is a bucket")
    try:
        parse_faults(options.faults)
        network = Network(**{name: getattr(options, name) for name in Network.__dataclass_fields__})
    except ValueError as error:
        _fail(parser, str(error))
    if options.host not in _LOOPBACK and not options.until_eof:
        print(
            f"mock_s3: whoever reaches {options.host} may now read and write {options.directory}",
            file=sys.stderr,
        )
    try:
        run(
            options.directory,
            host=options.host,
            port=options.port,
            network=network,
            faults=options.faults,
            seed=options.seed,
            until_eof=options.until_eof,
            on_ready=lambda url: print(url, flush=True),
        )
    # OverflowError: a port beyond 65535.
    except (OSError, OverflowError) as error:
        _fail(parser, f"cannot listen on {options.host}:{options.port}: {error}")
    return 0


def _sample(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    try:
        sample = write_sample(
            options.directory,
            lines=options.lines,
            seed=options.seed,
            bucket=options.bucket,
            prefix=options.prefix,
            lines_per_object=options.lines_per_object,
        )
    except (ValueError, OSError) as error:
        _fail(parser, str(error))
    print(
        f"{options.directory}/{sample.bucket}/{sample.prefix}: "
        f"{sample.lines:,} lines, {sample.bytes:,} bytes, {sample.objects:,} objects"
    )
    if options.reveal:
        print(sample.incident.story())
    return 0


def _fail(parser: argparse.ArgumentParser, message: str) -> NoReturn:
    parser.exit(2, f"mock_s3: {message}\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m mock_s3", description="A local stand-in for S3.")
    commands = parser.add_subparsers(dest="command", required=True)
    _add_serve(commands.add_parser("serve", help="serve DIR/BUCKET/KEY as S3; prints the URL"))
    _add_sample(commands.add_parser("sample", help="write a service log with a hidden incident as a bucket"))
    return parser


def _add_serve(command: argparse.ArgumentParser) -> None:
    network = Network()
    command.description = "Serve a directory as S3. Signatures are not verified. Stops with Ctrl-C."
    command.add_argument("directory", metavar="DIR")
    command.add_argument("--host", default=config.HOST)
    command.add_argument("--port", type=int, default=0, help="0, the default, takes a free one")
    command.add_argument("--latency-ms", type=float, default=network.latency_ms, help="one round trip")
    command.add_argument("--jitter-ms", type=float, default=network.jitter_ms, help="up to this much more")
    command.add_argument(
        "--connect-ms",
        type=float,
        default=network.connect_ms,
        help="more for the first answer of a connection",
    )
    command.add_argument(
        "--bandwidth-mbps", type=float, default=network.bandwidth_mbps, help="megabits a second, in all"
    )
    command.add_argument(
        "--connection-mbps", type=float, default=network.connection_mbps, help="the same for each connection"
    )
    command.add_argument(
        "--faults",
        default="",
        metavar="SPEC",
        help='such as "slowdown:0.1, cut@3 key=logs/*"; pydoc mock_s3.faults',
    )
    command.add_argument("--seed", type=int, default=0, help="of jitter and faults")
    command.add_argument("--until-eof", action="store_true", help="stop when standard input ends")


def _add_sample(command: argparse.ArgumentParser) -> None:
    command.description = "Write a seeded service log, byte for byte the same for the same numbers."
    command.add_argument("directory", metavar="DIR")
    command.add_argument("--lines", type=int, required=True, metavar="N")
    command.add_argument("--seed", type=int, default=0)
    command.add_argument("--bucket", default=config.SAMPLE_BUCKET)
    command.add_argument("--prefix", default=config.SAMPLE_PREFIX)
    command.add_argument("--lines-per-object", type=int, default=config.SAMPLE_LINES_PER_OBJECT, metavar="N")
    command.add_argument("--reveal", action="store_true", help="say what the hidden incident is")


if __name__ == "__main__":
    sys.exit(main())
