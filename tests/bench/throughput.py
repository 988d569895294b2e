# SPDX-License-Identifier: MIT
#
# throughput.py -- how many short requests per second, next to the limit and to peers?
#
# jot and the limit take turns, pair by pair, so that a machine that grows slower in the meantime is
# unfair to neither; the ratio of a pair is taken first, then the median of the ratios.
#
# cpp-httplib is not asked pipelined: it forgets what it read beyond a request. Neither is wrk asked
# for latencies then: its correction for omitted samples counts one answer at a time.
import contextlib
import statistics

import programs
from load import median_load, wrk
from verdict import heading, table

HELD = (16, 256, 1000)  # connections at which the ratio to the limit must hold
HOLD = 0.95


PEERS = (programs.httplib, programs.go, programs.nginx)


def pairs(limit, jot, connections, depth, count, seconds):
    """Loads of the limit and of jot, alternating, and the ratio of each pair."""
    limits, jots = [], []
    for _ in range(count):
        limits.append(wrk(limit, connections, seconds, depth=depth))
        jots.append(wrk(jot, connections, seconds, depth=depth))
    ratios = [ours.rps / theirs.rps for ours, theirs in zip(jots, limits)]
    return median_load(limits), median_load(jots), ratios


def row(server, connections, depth, load, ratio):
    pipelined = depth > 1
    return (f"{connections}, {depth} deep" if pipelined else f"{connections}", server.name,
            f"{load.rps:.0f}",
            "" if pipelined else f"{load.p50_us / 1000:.2f}",
            "" if pipelined else f"{load.p99_us / 1000:.2f}",
            f"{load.cpu_us:.2f}", f"{server.rss() / 2**20:.1f}", ratio, errors_of(load))


def errors_of(load):
    return f"{load.errors} errors" if load.errors else ""


def measure(verdict, limit, jot, peers, connections, depth, quick):
    """The rows of one number of connections; a hold is judged where there is one."""
    held = connections in HELD and depth == 1
    seconds = 1 if quick else 3
    count = 5 if held and not quick else 1
    base, ours, ratios = pairs(limit, jot, connections, depth, count, seconds)
    ratio = statistics.median(ratios)
    spread = f" ({min(ratios):.2f} .. {max(ratios):.2f})" if count > 1 else ""
    if held:
        verdict.at_least(f"requests/s against the limit, {connections} connections", HOLD, ratio,
                         note=spread)
    if ours.errors:
        verdict.at_most(f"errors at {connections} connections, {depth} deep", 0, ours.errors)
    rows = [row(limit, connections, depth, base, "1"),
            row(jot, connections, depth, ours, f"{ratio:.2f}{spread}")]
    for peer in peers:
        if depth > 1 and peer.name == "cpp-httplib":
            continue
        load = wrk(peer, connections, seconds, depth=depth)
        rows.append(row(peer, connections, depth, load, f"{load.rps / base.rps:.2f}"))
    return rows


def run(verdict, quick):
    heading("Throughput: GET / of 13 bytes, wrk -t2")
    with contextlib.ExitStack() as stack:
        jot = stack.enter_context(programs.jot())
        answer = programs.answer_of(jot)
        limit = stack.enter_context(programs.limit(answer))
        peers = [stack.enter_context(peer()) for peer in PEERS]
        print(f"The limit sends jot's own answer, {len(answer)} bytes.\n", flush=True)
        for server in (limit, jot, *peers):
            wrk(server, 16, 1)  # warm
        rows = []
        for connections, depth in ((1, 1), (16, 1), (256, 1), (1000, 1), (16, 16)):
            rows += measure(verdict, limit, jot, peers, connections, depth, quick)
    table(("connections", "server", "requests/s", "p50 ms", "p99 ms", "CPU us/request", "RSS MiB",
           "of the limit", ""), rows)
