#!/usr/bin/env bash
# GNU tar 1.34 (Debian 12, 1.34+dfsg-1.2+deb12u1): --remove-files removes at the end of the whole run what it read at its
# beginning, and also what it has just said has changed.
#
# `tar -c --remove-files` moves logs into an archive. The manual says that it removes files after adding them to the archive.
# tar looks at each file's time once more when it has read it ("file changed as we read it"), so one expects that a changed
# file is kept, and that the time between reading and removing is short. But tar removes all files when the whole archive is
# finished, which with many files and a slow receiver (ssh, a compressor) may be hours later, and does not look again. What was
# appended meanwhile is neither in the archive nor anywhere else, nothing is said, and the exit code is 0. A file that did
# change while it was read is removed as well; tar warns and ends with 1, as after any harmless change. rm after a check with
# `tar -d` would have kept both. A log that somebody still writes to has to be renamed first.
#
# Seen, a line is written to the first log while tar reads the second:
#       exit code 0, it says: nothing, left: nothing, first in the archive: before
# Seen, a line is written to the second log then:
#       exit code 1, it says: tar: second: file changed as we read it, left: nothing, second in the archive: 3000000 bytes
#
# Needs Debian 12 and its archive. Ends with 1 if that is no longer so.
set -euo pipefail
export LC_ALL=C
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

apt-get -qq -o APT::Sandbox::User=root download tar=1.34+dfsg-1.2+deb12u1 libacl1 libselinux1 libpcre2-8-0
for package in *.deb; do
    dpkg -x "$package" root
done
tar() {
    LD_LIBRARY_PATH=root/usr/lib/x86_64-linux-gnu:root/lib/x86_64-linux-gnu root/bin/tar "$@"
}

# Takes the beginning of the archive, which the first log and a part of the second fit into, has the line written to $1, and
# takes the rest. tar cannot have read all of the second: it does not fit into the pipe.
receive() {
    head -c 10240
    echo meanwhile >>"logs/$1"
    cat
}

# How it goes when the line is written to $1.
try() {
    rm -rf logs
    mkdir logs
    echo before >logs/first
    head -c 3000000 /dev/zero >logs/second
    # So that the time of the line is another one.
    sleep 0.1
    { tar -c --remove-files -C logs first second 2>said || echo $? >code; } | receive "$1" >archive
    echo "exit code $(cat code 2>/dev/null || echo 0), it says: $(sed 's/.*tar: /tar: /' said | grep . || echo nothing)," \
        "left: $(ls logs | grep . || echo nothing), "
    rm -f code
}

first="$(try first)first in the archive: $(tar -xOf archive first)"
second="$(try second)second in the archive: $(tar -xOf archive second | wc -c) bytes"
printf '%s\n' "$first" "$second"
[ "$first" = "exit code 0, it says: nothing, left: nothing, first in the archive: before" ] &&
    [ "$second" = "exit code 1, it says: tar: second: file changed as we read it, left: nothing,\
 second in the archive: 3000000 bytes" ]
