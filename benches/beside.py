#!/usr/bin/env python3
"""Runs a bench by turns against this build's server and against another build's, and prints each table once, every
figure followed by its ratio to the other build's (medians of all rounds). In a round a bench measures each thing once.

    benches/beside.py OTHER-SERVER ROUNDS BENCH [ARGUMENTS OF THE BENCH...]
    benches/beside.py ../before/target/release/chat-room-server 5 fanout none 1000
"""

import os
import re
import statistics
import subprocess
import sys

NUMBER = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)?(?![\w.]*[A-Za-z_])")


def run(bench, arguments, server):
    environment = dict(os.environ)
    if server:
        environment["CHAT_ROOM_SERVER"] = server
    command = ["cargo", "bench", "--quiet", "--bench", bench, "--", "--once", *arguments]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.splitlines()


def figures(runs, line):
    """The figures of this line in each run, in columns; none if the runs do not look alike."""
    rows = [[float(n.replace(",", "")) for n in NUMBER.findall(run[line])] for run in runs if line < len(run)]
    return list(zip(*rows)) if len({len(row) for row in rows}) == 1 else []


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    other, rounds, bench, arguments = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4:]
    ours, theirs = [], []
    for turn in range(rounds):
        pair = [(theirs, os.path.abspath(other)), (ours, None)]
        for runs, server in pair if turn % 2 == 0 else reversed(pair):
            runs.append(run(bench, arguments, server))
    for number, line in enumerate(ours[0]):
        columns = list(zip(figures(ours, number), figures(theirs, number)))
        told = iter(columns)

        def beside(found):
            column = next(told, None)
            if column is None:
                return found.group()
            this, that = (statistics.median(values) for values in column)
            ratio = f"{this / that:.2f}" if that else "-"
            return f"{this:g} ({ratio})"

        print(NUMBER.sub(beside, line) if columns else line)


if __name__ == "__main__":
    main()
