#!/usr/bin/env bash
# rotatelogs 2.4.71 (Debian 12, apache2-utils 2.4.71-1~deb12u1): when the disk is full, it empties the log that it has written.
#
# `server | rotatelogs chat.log 86400` keeps a log for each day. When a write fails because the disk is full, one expects that
# the new lines are lost, and that what is in the file stays there; so it is with `cat >>log`. rotatelogs cuts the file to
# nothing, writes one line about the error, and goes on. That makes room, so the lines after it are written, and all looks well:
# standard error is empty, the exit code is 0, and the line about the error counts how often rotatelogs had read something, not
# the lines of the whole day. Any program that fills the disk for a moment has this effect. By its
# source it also empties the old log when it cannot open the new one. The manual speaks of truncation only for -t, -T and -n.
#
# Seen, 1000 lines, then a full disk, then 1000 more:
#       cat: 1000 of the first 1000 lines are left, exit code 1, standard error: cat: write error: No space left on device
#       rotatelogs: 0 of the first 1000 lines are left, exit code 0, standard error: nothing
#       the log begins: Error 28 writing to log file at offset 8192. 548 messages lost (No space left on device)
#
# Needs Debian 12 and its archive. Ends with 1 if that is no longer so.
set -euo pipefail
export LC_ALL=C
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

apt-get -qq -o APT::Sandbox::User=root download apache2-utils=2.4.71-1~deb12u1 libapr1 libuuid1
for package in *.deb; do
    dpkg -x "$package" root
done

# Runs with a small disk of its own. Has $1 write the log: the lines up to 1000 first, the others when the disk is full.
cat >try <<'end'
set -uo pipefail
mkdir -p disk
mount -t tmpfs -o size=1m small disk
send() {
    trap '' PIPE
    seq -f %g. 1000
    until grep -qsx 1000. disk/log*; do sleep 0.05; done
    cat /dev/zero >disk/other 2>other || true
    for line in $(seq 1001 2000); do echo "$line." 2>>other || true; done
}
case $1 in
cat) send | cat >>disk/log 2>said ;;
rotatelogs) send | LD_LIBRARY_PATH=root/usr/lib/x86_64-linux-gnu:root/lib/x86_64-linux-gnu \
    root/usr/bin/rotatelogs disk/log 1G 2>said ;;
esac
code=$?
echo "$1: $(seq -f %g. 1000 | grep -cFxf - disk/log*) of the first 1000 lines are left," \
    "exit code $code, standard error: $(grep . said || echo nothing)"
[ "$1" = cat ] || echo "the log begins: $(head -n 1 disk/log* | tr -s ' ')"
end

cat=$(unshare --map-root-user --mount bash try cat)
rotatelogs=$(unshare --map-root-user --mount bash try rotatelogs)
echo "$cat"
echo "$rotatelogs"
[[ $cat = "cat: 1000 of "*"exit code 1, "* ]] &&
    [[ $rotatelogs = "rotatelogs: 0 of the first 1000 lines are left, exit code 0, standard error: nothing"*"
the log begins: Error 28 writing to log file"*"messages lost"* ]]
