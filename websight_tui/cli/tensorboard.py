"""`websight-tui tensorboard RUN`: TensorBoard on the login node, on a port of this machine."""

from __future__ import annotations

import argparse
import contextlib
import re
import shlex
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from websight_tui.cli.options import add_cluster, add_command, add_run
from websight_tui.cli.output import say

if TYPE_CHECKING:
    from websight_tui.config import Cluster
    from websight_tui.errors import WebsightError
    from websight_tui.remote.forward import Stream
    from websight_tui.remote.port import Transport
    from websight_tui.runspec import RunSpec

USUAL_PORT: Final = 6006
_SAYS: Final = r"TensorBoard \S+ at http://\S+:(\d+)"


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = add_command(
        commands,
        "tensorboard",
        run,
        "open a run's TensorBoard on a port of this machine",
        "Starts TensorBoard on the login node, where the files are, and forwards a port to it; ends both on Ctrl-C or "
        "when the connection breaks. Other accounts on the login node can open it too while it runs.",
    )
    add_run(parser)
    add_cluster(parser)
    parser.add_argument(
        "-p", "--port", type=_port, metavar="N", help=f"port of this machine (default: {USUAL_PORT}, else any)"
    )
    parser.add_argument("--open", action="store_true", help="open it in the browser")


def _port(text: str) -> int:
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise argparse.ArgumentTypeError(f"'{text}' is not a port (1 to 65535)")
    return int(text)


def run(args: argparse.Namespace) -> int:
    from websight_tui.cli.context import Context, find_run
    from websight_tui.cli.session import known_cluster, logged_in, session
    from websight_tui.errors import WebsightError

    context = Context.of(args)
    with session(context.config, context.data) as current:
        spec = find_run(list(current.state.runs.values()), args.run_id).spec
    if spec.preset.report_to != "tensorboard":
        raise WebsightError(
            f"{spec.run_id} writes no TensorBoard files: its preset has report_to = {spec.preset.report_to}",
            f"`websight-tui watch {spec.run_id}` and the app show its loss.",
        )
    cluster = known_cluster(context.config, spec.cluster)
    transport = logged_in(cluster, quiet=args.json)
    try:
        ended = _serve(args, cluster, spec, transport)
    finally:
        transport.close()
    if not args.json:
        say(f"{ended}.")
    return 0


def _serve(args: argparse.Namespace, cluster: Cluster, spec: RunSpec, transport: Transport) -> str:
    """Serves until Ctrl-C; returns how it ended, in words. Any other end is an error."""
    from websight_tui.cli.output import print_json
    from websight_tui.cli.waiting import waiting
    from websight_tui.errors import ConnectionLost, WebsightError
    from websight_tui.remote.forward import LOOPBACK
    from websight_tui.runs.serving import DidNotStart, serving

    logs = f"{spec.out_dir}/runs"
    if transport.exec(shlex.join(("test", "-d", logs)), timeout=20).exit != 0:
        raise WebsightError(
            f"{spec.run_id} has no TensorBoard files on {cluster.name}",
            "They begin with the training's first step; try again then.",
        )
    words = ("-m", "tensorboard.main", "--logdir", logs, "--host", LOOPBACK, "--port", "0")
    with contextlib.ExitStack() as stack:
        try:
            with waiting(f"starting TensorBoard on {cluster.name}", quiet=args.json):
                board = stack.enter_context(
                    serving(transport, words, pattern=_SAYS, python=cluster.python, setup=cluster.setup)
                )
        except DidNotStart as exc:
            raise _explained(exc, cluster) from exc
        url = f"http://{LOOPBACK}:{_listen(stack, board.open, args.port)}/"
        if args.json:
            print_json({"run": spec.run_id, "url": url, "logs": logs})
        else:
            say(f"{url} shows {spec.run_id}. Ctrl-C ends it.", flush=True)
        try:
            if args.open:
                import webbrowser

                webbrowser.open(url)
            ended = board.wait()
        except KeyboardInterrupt:
            return f"\nTensorBoard on {cluster.name} is ended"
    if ended:
        raise WebsightError(
            f"TensorBoard ended by itself on {cluster.name}", "Start it again; its files are untouched."
        )
    raise ConnectionLost(f"The connection to {transport.address} broke", "TensorBoard ends with it; start it again.")


def _listen(stack: contextlib.ExitStack, open_stream: Callable[[], Stream], wanted: int | None) -> int:
    """The port of this machine: the wanted one, else TensorBoard's usual one if it is free, else any."""
    from websight_tui.errors import ConnectError
    from websight_tui.remote.forward import listening

    try:
        return stack.enter_context(listening(open_stream, wanted or USUAL_PORT))
    except ConnectError:
        if wanted:
            raise
        return stack.enter_context(listening(open_stream))


def _explained(exc: WebsightError, cluster: Cluster) -> WebsightError:
    from websight_tui.errors import WebsightError

    if re.search("No module named '?tensorboard", exc.message):
        return WebsightError(
            f"{cluster.python} on {cluster.name} has no TensorBoard",
            f"Install it there, after the cluster's setup lines: {cluster.python} -m pip install tensorboard",
        )
    return WebsightError(
        f"TensorBoard did not start on {cluster.name}: {exc.message}", "Check the cluster's `python` and `setup`."
    )
