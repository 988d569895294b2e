# SPDX-License-Identifier: MIT
#
# json_speed.py -- how fast are JSON texts read and written, beside two other libraries? See
# json.cpp. Both peers check what jot checks: RapidJSON is told to validate UTF-8 and to round
# doubles correctly, which it does not do unasked.
import subprocess

import programs
from verdict import heading, table

NLOHMANN_HOLD, RAPID_HOLD = 3, 1  # jot's speed as a multiple of theirs, reading


def run(verdict, quick):
    heading("JSON: MB/s of one thread, best of five rounds that take turns")
    out = subprocess.run([programs.build("json.cpp"), "5" if quick else "100"],
                         stdout=subprocess.PIPE, text=True, check=True, timeout=120).stdout
    rows, reading = [], []
    for line in out.splitlines():
        name, *speeds = line.split()
        jot, nlohmann, rapid = map(float, speeds)
        job, _, document = name.partition("-")
        if job == "parse":
            reading.append((jot / nlohmann, jot / rapid))
        rows.append((job, document, *(f"{speed:.0f}" for speed in (jot, nlohmann, rapid)),
                     f"{jot / nlohmann:.2f}", f"{jot / rapid:.2f}"))
    table(("job", "document", "jot", "nlohmann", "RapidJSON", "to nlohmann", "to RapidJSON"), rows)
    verdict.at_least("JSON read, the worst of five documents, to nlohmann/json", NLOHMANN_HOLD,
                     min(pair[0] for pair in reading), "x")
    verdict.at_least("JSON read, the worst of five documents, to RapidJSON's DOM", RAPID_HOLD,
                     min(pair[1] for pair in reading), "x")
