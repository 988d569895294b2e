# SPDX-License-Identifier: MIT
#
# page_speed.py -- how fast is a page made, beside Go's html/template and ctemplate? See page.cpp.
# All three escape each field for its place; jot and Go must print the same bytes.
import subprocess

import programs
from verdict import heading, table

GO_HOLD, CTEMPLATE_HOLD = 5, 1  # jot's speed as a multiple of theirs


def run(verdict, quick):
    heading("Pages: a table of 100 rows with 5 escaped fields each, microseconds, best of the rounds")
    jot_program = programs.build("page.cpp", "-lctemplate")
    go_program = programs.build("page_bench.go")

    def said(program, argument):
        return subprocess.run([program, argument], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              text=True, check=True, timeout=120).stdout

    if said(jot_program, "--show") != said(go_program, "--show"):
        raise RuntimeError("jot's page is not Go's")
    rounds = "1" if quick else "25"
    jot, ctemplate = map(float, said(jot_program, rounds).split())
    go = float(said(go_program, rounds))
    table(("", "us a page", "to jot"), [(name, f"{us:.1f}", f"{us / jot:.2f}") for name, us in
                                        (("jot", jot), ("ctemplate", ctemplate), ("Go", go))])
    verdict.at_least("speed of making a page, to Go's html/template", GO_HOLD, go / jot, "x")
    verdict.at_least("speed of making a page, to ctemplate", CTEMPLATE_HOLD, ctemplate / jot, "x")
