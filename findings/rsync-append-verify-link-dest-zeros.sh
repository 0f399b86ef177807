#!/usr/bin/env bash
# rsync 3.5.0 (Debian 12, 3.5.0+ds1-0+deb12u1): with --link-dest, --append-verify writes zeros for all that was there before,
# and the verification passes.
#
# A log only grows, so --append-verify sends only what is new and then verifies the checksum of the whole file. --link-dest
# keeps a snapshot for each day and takes yesterday's file as the basis for today's. Each works. Together, the length of
# yesterday's file counts as already in place; but today's is another file: it gets the new lines at their offset, and a
# hole before them. The old part is verified in yesterday's file, so the checksum is right. The exit code is 0, size and
# time are right, the next run finds nothing to do, and only -c tells. It is the same with --append, and with --copy-dest and
# --compare-dest. The manual warns of --append for files that do not only grow; these do.
#
# Seen, 1000 lines yesterday and 10 more today:
#       neither: 1010 lines, as the source
#       --inplace: 1010 lines, as the source
#       --append-verify: exit 0, size 3943, 3893 zeros, then 10 lines; again: nothing to do; with -c: differs
#
# Needs Debian 12 and its archive. Ends with 1 if that is no longer so.
set -euo pipefail
export LC_ALL=C
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

apt-get -qq -o APT::Sandbox::User=root download rsync=3.5.0+ds1-0+deb12u1 libacl1 liblz4-1 libpopt0 libssl3 libxxhash0 \
    libzstd1 zlib1g
for package in *.deb; do
    dpkg -x "$package" root
done
rsync() {
    LD_LIBRARY_PATH=root/usr/lib/x86_64-linux-gnu:root/lib/x86_64-linux-gnu root/usr/bin/rsync "$@"
}

mkdir source
seq 1000 >source/log
rsync -a source/ yesterday/
seq 1001 1010 >>source/log

right=yes
for option in '' --inplace; do
    rm -rf today
    rsync -a ${option:+"$option"} --link-dest="$folder/yesterday" source/ today/
    if cmp -s source/log today/log; then
        echo "${option:-neither}: $(wc -l <today/log) lines, as the source"
    else
        echo "${option:-neither}: not as the source"
        right=no
    fi
done

rm -rf today
code=0
rsync -a --append-verify --link-dest="$folder/yesterday" source/ today/ 2>errors || code=$?
size=$(stat -c %s today/log)
zeros=$(tr -cd '\0' <today/log | wc -c)
lines=$(tr -d '\0' <today/log)
again=$(rsync -ai --append-verify --link-dest="$folder/yesterday" source/ today/)
checked=$(rsync -nai -c source/ today/)
echo "--append-verify: exit $code, size $size, $zeros zeros, then $(wc -l <<<"$lines") lines;" \
    "again: ${again:-nothing to do}; with -c: ${checked:+differs}"
[ "$right" = yes ] && [ "$code" = 0 ] && [ ! -s errors ] && [ "$size" = "$(stat -c %s source/log)" ] &&
    [ "$zeros" = "$(stat -c %s yesterday/log)" ] && [ "$lines" = "$(seq 1001 1010)" ] && [ -z "$again" ] && [ -n "$checked" ]
