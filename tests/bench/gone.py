# SPDX-License-Identifier: MIT
#
# gone.py -- how long after a client hangs up is its request's Context cancelled? See gone.cpp.
import subprocess

import programs
from verdict import heading

HOLD = 5  # milliseconds


def run(verdict, quick):
    heading("Client gone: from close() to the handler awake from Context::wait, 1000 times")
    run = subprocess.run([programs.build("gone.cpp")], stdout=subprocess.PIPE, text=True,
                         check=True, timeout=120)
    median, p99 = map(float, run.stdout.split())
    print(f"median {median:.3f} ms, p99 {p99:.3f} ms", flush=True)
    verdict.at_most("client's close to Context cancelled, median", HOLD, median, " ms",
                    f" (p99 {p99:.3g} ms)")
