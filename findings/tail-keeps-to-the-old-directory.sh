#!/usr/bin/env bash
# GNU tail 9.1 (coreutils, Debian 12, 9.1-1): tail -F does not notice that a directory on the way to its file is another one.
#
# -F follows the name, however often the file behind it is replaced. The manual says that with inotify this needs no reopening
# from time to time, and the news of 8.28 that the directory may be replaced, too. But tail watches the directory that it found at
# the start, for being removed, not for being renamed. When it is renamed and made anew, or a link on the way to the file
# (current -> release2) is switched, tail shows nothing any more, for good, and does not say so. Where tail polls, as on network
# file systems, it notices all of this, so it depends on the file system whether lines are lost. ---disable-inotify, which
# tail's help does not list, makes it poll.
#
# Seen: file renamed, made anew: followed
#       directory removed, made anew: followed
#       directory renamed, made anew: nothing
#       link to the directory switched: nothing
#       directory renamed, made anew, polling: followed
#       link to the directory switched, polling: followed
#
# Needs Debian 12 and its archive. Ends with 1 if that is no longer so.
set -euo pipefail
export LC_ALL=C
folder=$(mktemp -d)
tail=
finish() {
    [ -z "$tail" ] || kill "$tail" 2>/dev/null || true
    wait 2>/dev/null || true
    rm -rf "$folder"
}
trap finish EXIT
cd "$folder"

apt-get -qq -o APT::Sandbox::User=root download coreutils=9.1-1
dpkg -x ./*.deb root

# Has what changes the name done by $2, and tells whether tail, with the options $3..., shows what is written afterwards.
try() {
    local what=$1 change=$2 seen=nothing
    shift 2
    rm -rf logs release1 release2 current
    mkdir logs release1 release2
    echo before | tee logs/room.log >release1/room.log
    ln -s release1 current
    local name=logs/room.log
    case $change in switch) name=current/room.log ;; esac
    root/usr/bin/tail -s 0.2 --max-unchanged-stats=1 "$@" -F "$name" >shown 2>said &
    tail=$!
    # Until it has begun to wait: what was there is shown, and two watches are set, if there are to be any.
    until grep -qs before shown; do sleep 0.05; done
    [ $# -gt 0 ] || until [ "$(cat /proc/$tail/fdinfo/* 2>/dev/null | grep -c '^inotify')" = 2 ]; do sleep 0.05; done
    sleep 0.5
    "$change"
    echo after >>"$name"
    for _ in {1..30}; do
        if grep -q after shown; then seen=followed; break; fi
        sleep 0.1
    done
    kill "$tail"
    wait "$tail" 2>/dev/null || true
    tail=
    echo "$what: $seen" | tee -a seen
}
file() { mv logs/room.log logs/room.log.1; }
removed() { rm -r logs; sleep 0.5; mkdir logs; }
renamed() { mv logs logs.1; mkdir logs; }
switch() { ln -sfn release2 current; }

try "file renamed, made anew" file
try "directory removed, made anew" removed
try "directory renamed, made anew" renamed
rm -r logs.1
try "link to the directory switched" switch
try "directory renamed, made anew, polling" renamed ---disable-inotify
try "link to the directory switched, polling" switch ---disable-inotify
[ "$(cut -d : -f 2 seen | xargs)" = "followed followed nothing nothing followed followed" ]
