# SPDX-License-Identifier: MIT
#
# cold.py -- 500 clients ask a server that has just started for an answer that takes seconds: do
# all of them get it when one of them would?
#
# ab asks a fresh server the same, as a second witness. It lets its first request go alone and sends
# the other 499 when that is answered: its time in all is twice the handler's, whatever the server.
import re
import subprocess

import programs
from crowd import Crowd
from verdict import heading, table

CLIENTS = 500
GRACE = 0.10  # seconds beyond the handler's own


def ab(server, path):
    many = str(CLIENTS)
    run = subprocess.run(["ab", "-q", "-k", "-c", many, "-n", many, server.url(path)],
                         capture_output=True, text=True, timeout=60)
    complete = re.search(r"Complete requests: *(\d+)", run.stdout)
    failed = re.search(r"Failed requests: *(\d+)", run.stdout)
    took = re.search(r"Time taken for tests: *([\d.]+)", run.stdout)
    longest = re.search(r"100% *(\d+) \(longest request\)", run.stdout)
    if not (complete and failed and took and longest):
        return "failed: " + " ".join(run.stderr.split())
    return (f"{complete[1]} complete, {failed[1]} failed, slowest {int(longest[1]) / 1000:.3f} s, "
            f"in all {took[1]} s")


def measure(verdict, make, sleep):
    path = f"/sleep/{sleep * 1000}"
    with make() as server, Crowd(server, path, CLIENTS, CLIENTS) as crowd:
        pass
    with make() as fresh:
        witness = ab(fresh, path)
    if server.name == "jot":
        what = f"{CLIENTS} at once on a {sleep} s handler, cold: "
        verdict.at_least(what + "answered 200", CLIENTS, crowd.ok)
        verdict.at_most(what + "all done", sleep + GRACE, crowd.seconds, " s")
    return (server.name, f"{sleep} s", f"{crowd.ok} of {CLIENTS}", f"{crowd.seconds:.3f} s",
            f"{crowd.slowest:.3f} s", witness)


def run(verdict, quick):
    heading(f"Cold start: {CLIENTS} clients at once on a sleeping handler")
    rows = [measure(verdict, make, sleep)
            for make in (programs.jot, programs.go) for sleep in ((1,) if quick else (1, 5))]
    table(("server", "handler", "answered 200", "all done", "slowest client",
           f"ab -k -c {CLIENTS} -n {CLIENTS}"), rows)
