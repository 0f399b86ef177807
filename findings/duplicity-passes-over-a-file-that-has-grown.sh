#!/usr/bin/env bash
# duplicity 0.8.22 (Debian 12, 0.8.22-1+b3): a file that has grown counts as unchanged when its time is in the same second.
#
# rsync, tar and others compare at least the size and the time of a file to see whether it has changed, and duplicity, which
# uses rsync's method for what it sends, is expected to do the same. But it compares the time, in whole seconds, and the
# permissions, and not the size. A log that gets its last line in the second in which the backup read it, or a file that
# somebody changed and gave its old time again (cp -p, touch -r, an unpacked archive), is passed over by each later backup,
# for as long as it is not changed once more. The backup reports no changed file and no error, and what one restores is the
# old one. Only `verify --compare-data` tells. The manual does not say how duplicity finds what has changed. By its source
# 3.2.1 does the same.
#
# Seen, 10 lines and a full backup, then 10 more lines with a time of the same second:
#       rsync: 20 lines
#       tar -g: 20 lines
#       duplicity: 0 changed files, 0 errors, 10 lines restored; with a time one second later: 20 lines restored
#
# Needs Debian 12 and its archive. Ends with 1 if that is no longer so.
set -euo pipefail
export LC_ALL=C
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

apt-get -qq -o APT::Sandbox::User=root download duplicity=0.8.22-1+b3 librsync2 libb2-1 libgomp1 libpopt0 python3-fasteners \
    python3-future python3-lockfile python3.11-minimal=3.11.2-6+deb12u8 libpython3.11-minimal=3.11.2-6+deb12u8 \
    libpython3.11-stdlib=3.11.2-6+deb12u8 libexpat1 gpg libassuan0 libgcrypt20 libgpg-error0 libreadline8 libtinfo6 \
    libsqlite3-0 rsync=3.5.0+ds1-0+deb12u1 tar=1.34+dfsg-1.2+deb12u1 libacl1 liblz4-1 libssl3 \
    libxxhash0 libzstd1 zlib1g libselinux1 libpcre2-8-0
for package in *.deb; do
    dpkg -x "$package" root
done
run() {
    LD_LIBRARY_PATH=root/usr/lib/x86_64-linux-gnu:root/lib/x86_64-linux-gnu "$@"
}
duplicity() {
    HOME=$folder PATH=$folder/root/usr/bin:$PATH PYTHONHOME=root/usr PYTHONPATH=root/usr/lib/python3/dist-packages \
        run root/usr/bin/python3.11 root/usr/bin/duplicity --no-encryption --archive-dir cache "$@" 2>&1
}

mkdir logs
seq 10 >logs/log
touch -d '2026-11-30 10:00:00.1' logs/log
run root/usr/bin/rsync -a logs/ copy/
run root/bin/tar -cf full.tar -g list logs
duplicity full logs "file://$folder/backup" >said || { cat said >&2; exit 2; }

seq 11 20 >>logs/log
touch -d '2026-11-30 10:00:00.9' logs/log
run root/usr/bin/rsync -a logs/ copy/
run root/bin/tar -cf more.tar -g list logs
rsync="$(wc -l <copy/log) lines"
tar="$(run root/bin/tar -xOf more.tar logs/log | wc -l) lines"
duplicity incremental logs "file://$folder/backup" >report
duplicity restore "file://$folder/backup" restored >>said
same="$(sed -n 's/^ChangedFiles //p' report) changed files, $(sed -n 's/^Errors //p' report) errors, $(wc -l <restored/log) lines"

touch -d '2026-11-30 10:00:01.9' logs/log
duplicity incremental logs "file://$folder/backup" >report
duplicity restore "file://$folder/backup" again >>said
later="$(wc -l <again/log) lines"

echo "rsync: $rsync"
echo "tar -g: $tar"
echo "duplicity: $same restored; with a time one second later: $later restored"
[ "$rsync" = "20 lines" ] && [ "$tar" = "20 lines" ] && [ "$same" = "0 changed files, 0 errors, 10 lines" ] &&
    [ "$later" = "20 lines" ]
