# SPDX-License-Identifier: MIT
#
# idle.py -- what does a connection cost that waits for its next request?
#
# Resident memory of the server before and after 10 000 keep-alive connections made one request
# each and fell silent. cpp-httplib would need a thread for each of them: left out.
import time

import programs
from crowd import Crowd
from load import wrk
from verdict import heading, table

AT_ONCE = 100
HOLD = 256  # bytes


def settled_rss(server):
    """Resident memory once it has stopped to change."""
    before = None
    while (now := server.rss()) != before:
        before = now
        time.sleep(0.3)
    return now


def run(verdict, quick):
    clients = 1000 if quick else 10000
    heading(f"Idle: {clients} keep-alive connections, one request each, then silence")
    rows = []
    for make in (programs.jot, programs.go):
        with make() as server:
            wrk(server, AT_ONCE, 1)  # what the server allocates once and for all is not counted
            before = settled_rss(server)
            with Crowd(server, "/", clients, AT_ONCE) as crowd:
                after = settled_rss(server)
            each = (after - before) / clients
            rows.append((server.name, f"{crowd.ok} of {clients}", f"{before / 2**10:.0f}",
                         f"{after / 2**10:.0f}", f"{each:.0f}"))
            if server.name == "jot":
                verdict.at_least("idle connections: answered 200", clients, crowd.ok)
                verdict.at_most("memory per idle connection", HOLD, each, " bytes")
    table(("server", "answered 200", "RSS before, KiB", "RSS after, KiB", "bytes per connection"),
          rows)
