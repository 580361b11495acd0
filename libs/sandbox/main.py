"""`python -m libs.sandbox.main --dir DIR`: a fleet that runs until it is told to stop.

DIR/sandbox.json appears when all servers answer: `{"pid", "hub": {"name", "url", "kubeconfig"}, "members": [...]}`. One
that was killed leaves it: then its `pid` is that of another process, or of none.
"""

import argparse
import asyncio
import gc
import logging
import signal
import sys
from pathlib import Path

import structlog
import uvloop

from libs.sandbox import bootstrap, fleet


def _arguments() -> argparse.Namespace:
    size = bootstrap.NodeSize()
    parser = argparse.ArgumentParser(prog="python -m libs.sandbox.main", description="Runs a hub and its members.")
    parser.add_argument("--dir", type=Path, required=True, help="where kubeconfigs, journals and the token are kept")
    parser.add_argument("--members", type=int, default=3, help="how many members (default: %(default)s)")
    parser.add_argument("--nodes", type=int, default=3, help="nodes of each member (default: %(default)s)")
    parser.add_argument("--node-cpu", default=size.cpu, help="CPUs of a node (default: %(default)s)")
    parser.add_argument("--node-memory", default=size.memory, help="memory of a node (default: %(default)s)")
    parser.add_argument("--node-pods", default=size.pods, help="pods that a node takes (default: %(default)s)")
    parser.add_argument("--port-base", type=int, default=0, help="port of the hub, members follow; 0 means any")
    return parser.parse_args()


async def _serve(arguments: argparse.Namespace) -> None:
    over = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, over.set)
    size = bootstrap.NodeSize(cpu=arguments.node_cpu, memory=arguments.node_memory, pods=arguments.node_pods)
    async with fleet.fleet(
        arguments.dir.resolve(),
        members=arguments.members,
        nodes=arguments.nodes,
        size=size,
        port_base=arguments.port_base,
    ):
        await over.wait()


def main() -> None:
    """Runs the fleet that the command line describes."""
    # A full collection walks every stored object, for tens of milliseconds in which no request is answered, and finds
    # nothing: objects have no cycles. What is young is still looked through.
    gc.set_threshold(2_000, 10, 1_000_000)
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    try:
        uvloop.run(_serve(_arguments()))
    except fleet.Busy as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
