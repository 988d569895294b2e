# SPDX-License-Identifier: MIT
#
# context_cost.py -- what does it cost to make a Context and to end it, beside Go's? See context.cpp.
import subprocess

import programs
from verdict import heading


def measured(name, times):
    run = subprocess.run([programs.build(name), str(times)], stdout=subprocess.PIPE, text=True,
                         check=True, timeout=120)
    return {word: float(ns) for word, ns in map(str.split, run.stdout.splitlines())}


def run(verdict, quick):
    heading("Contexts: nanoseconds to make one and end it, best of five rounds")
    times = 10_000 if quick else 1_000_000
    jot, go = measured("context.cpp", times), measured("context_bench.go", times)
    print(f"{'':28} {'jot':>12} {'Go':>12}")
    for word in jot:
        print(f"{word:28} {jot[word]:12.1f}", f"{go[word]:12.1f}" if word in go else "", flush=True)
