#!/usr/bin/env bash
# BusyBox 1.35.0's sh (Debian 12, 1:1.35.0-4+deb12u1+b1): a `read -t` that times out loses what it had read, and leaves the
# line before in the variable.
#
# A line may come in pieces, and `read -t` may time out between them. bash then stores the piece, so that a loop can put the
# line together or use what there is. BusyBox's sh takes the piece from the descriptor, too, byte by byte, but drops it, and
# does not touch the variable: a loop that goes on, like `while read -t 1 line || [ -n "$line" ]`, has the line before it once
# more, and the next one without its beginning. It acts on one command twice and on half of another one. BusyBox's documentation
# says nothing about it. Emptying the variable first prevents the repetition; only doing without -t prevents the loss.
#
# Seen: bash:    0 [join] 142 [na] 0 [me Ann]
#       busybox: 0 [join] 1 [join] 0 [me Ann]
#
# Needs Debian 12 and its archive. Ends with 1 if that is no longer so.
set -euo pipefail
export LC_ALL=C
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

apt-get -qq -o APT::Sandbox::User=root download busybox=1:1.35.0-4+deb12u1+b1
dpkg -x ./*.deb root

# Sends a line and the beginning of another one, and the rest when that one's reader has given up.
send() {
    printf 'join\nna'
    until [ -e late ]; do sleep 0.05; done
    printf 'me Ann\n'
}
# `read` by turns: a line, a piece of one, and the rest.
cat >receive <<'end'
read -r line; code=$?; printf '%s ' "$code [$line]"
read -r -t 1 line; code=$?; printf '%s ' "$code [$line]"
: >late
read -r line; code=$?; printf '%s\n' "$code [$line]"
end

bash=$(send | bash receive)
rm late
busybox=$(send | root/bin/busybox sh receive)
echo "bash:    $bash"
echo "busybox: $busybox"
[ "$bash" = "0 [join] 142 [na] 0 [me Ann]" ] && [ "$busybox" = "0 [join] 1 [join] 0 [me Ann]" ]
