#!/usr/bin/env bash
# zstdgrep 1.5.4 and bzgrep 1.0.8 (Debian 12, zstd 1.5.4+dfsg2-5+deb12u1, bzip2 1.0.8-5+b1): they find the text in one of the
# files and say with their exit code that it is in none.
#
# grep ends with 0 if a line was found in any file, and so do zgrep and xzgrep. zstdgrep and bzgrep run grep once for each
# file and end with 1 if it found nothing in one of them, wherever that one is in the list. So `if zstdgrep -q "$name"
# archive/*.zst` says no about everybody who is not in each archive, and with one archive, as in a test, it is right. Without
# -q the lines are shown, and the exit code is 1 all the same: with `set -e` or pipefail the script ends after it has found
# what it looked for. bzgrep's manual says that options are passed to grep, and nothing of the exit code; zstdgrep's says that
# it is 0 unless arguments are missing. `zstdcat archive/*.zst | grep` does what one wants.
#
# Seen, exit codes, where the text is in one of one, the first of two, the last of two, both, none of two:
#       grep:     0 0 0 0 1
#       zgrep:    0 0 0 0 1
#       xzgrep:   0 0 0 0 1
#       bzgrep:   0 1 1 0 1
#       zstdgrep: 0 1 1 0 1
#
# Needs Debian 12 and its archive. Ends with 1 if that is no longer so.
set -euo pipefail
export LC_ALL=C
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

apt-get -qq -o APT::Sandbox::User=root download grep=3.8-5 gzip=1.12-1 xz-utils=5.4.1-1+deb12u2 liblzma5 \
    bzip2=1.0.8-5+b1 libbz2-1.0 zstd=1.5.4+dfsg2-5+deb12u1 zlib1g liblz4-1 libpcre2-8-0
for package in *.deb; do
    dpkg -x "$package" root
done
export PATH=$folder/root/usr/bin:$folder/root/bin:$PATH
export LD_LIBRARY_PATH=$folder/root/usr/lib/x86_64-linux-gnu:$folder/root/lib/x86_64-linux-gnu

for name in Ann Bob; do
    echo "$name joins" >"$name.plain"
    for packer in gzip xz bzip2 zstd; do
        "$packer" -c <"$name.plain" >"$name.$packer"
    done
done

# The exit codes of $1 with the files that end in $2.
try() {
    printf '%-9s' "$1:"
    local a=Ann.$2 b=Bob.$2
    for files in "$a" "$a $b" "$b $a" "$a $a" "$b $b"; do
        local code=0
        # shellcheck disable=SC2086
        "$1" -q Ann $files || code=$?
        printf ' %s' "$code"
    done
    echo
}

seen=$(try grep plain; try zgrep gzip; try xzgrep xz; try bzgrep bzip2; try zstdgrep zstd)
echo "$seen"
[ "$(tr -s ' ' <<<"$seen")" = "grep: 0 0 0 0 1
zgrep: 0 0 0 0 1
xzgrep: 0 0 0 0 1
bzgrep: 0 1 1 0 1
zstdgrep: 0 1 1 0 1" ]
