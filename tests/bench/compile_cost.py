# SPDX-License-Identifier: MIT
#
# compile_cost.py -- what does including jot cost: compile time, and bytes in the program?
#
# Times are CPU seconds of the compiler, so that a busy machine does not count against anyone; the
# three files take turns.
import os
import resource
import statistics
import subprocess

import programs
from programs import BUILD, CXX, HERE, ROOT
from verdict import heading, table

HEADER_ONLY_HOLD, SPLIT_HOLD, SIZE_HOLD = 3, 1.7, 400  # ratios, KB
HELLO = ROOT / "examples" / "01_hello.cpp"


def compile_seconds(source, *flags):
    def children_cpu():
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime
    before = children_cpu()
    command = [CXX, "-std=c++20", "-O0", "-c", f"-I{ROOT / 'include'}", *flags, source]
    subprocess.run([*command, "-o", os.devnull], check=True, timeout=120)
    return children_cpu() - before


def stripped_kb():
    program = BUILD / "hello_stripped"
    subprocess.run([CXX, *programs.FLAGS, HELLO, "-o", program], check=True, timeout=120)
    subprocess.run(["strip", program], check=True)
    return program.stat().st_size / 1000


def run(verdict, quick):
    count = 1 if quick else 5
    heading(f"Compile: {CXX} -O0 -c, CPU seconds, median of {count}")
    BUILD.mkdir(parents=True, exist_ok=True)
    kinds = (("five standard headers", HERE / "includes.cpp"), ("hello, header only", HELLO),
             ("hello, contracts only", HELLO, "-DJOT_HEADER_ONLY=0"))
    turns = [[compile_seconds(*kind[1:]) for kind in kinds] for _ in range(count)]
    base, whole, split = (statistics.median(column) for column in zip(*turns))
    table(("file", "seconds", "ratio"), [(kind[0], f"{seconds:.2f}", f"{seconds / base:.2f}")
                                         for kind, seconds in zip(kinds, (base, whole, split))])
    size = stripped_kb()
    print(f"hello, -O2, stripped: {size:.0f} KB", flush=True)
    verdict.at_most("compile time of hello against five standard headers", HEADER_ONLY_HOLD,
                    whole / base, "x")
    verdict.at_most("the same in split mode, contracts only", SPLIT_HOLD, split / base, "x")
    verdict.at_most("hello binary, -O2, stripped", SIZE_HOLD, size, " KB")
