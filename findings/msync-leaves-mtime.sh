#!/usr/bin/env bash
# Linux 6.18 (with rsync 3.5.0, Debian 12, 3.5.0+ds1-0+deb12u1): what is stored through a shared mapping may never change the
# file's time, not even with msync(), so a backup never takes it.
#
# mmap(2) says that st_mtime is updated after a write to the mapped region and before a subsequent msync(). Linux updates it
# at the first store into a page that is clean, at the page fault. Until the page has been written back, up to 30 seconds on a
# disk, or as long as it stays mapped on a tmpfs, more stores leave the time alone. msync(MS_SYNC), fsync(), munmap() and
# close() do not touch it either. A backup that runs between two such stores copies the first, and every later one finds
# the size and the time that it knows and passes the file over, for as long as nobody writes again. A program that stores
# through a mapping has to set the time itself, with futimens().
#
# Seen:
#       first store: the time changes, the backup has 1
#       second store, msync, fsync, close: the time is the same, the file has 2, the backup has 1
#
# Needs Linux, Debian 12's archive, and python3. Ends with 1 if that is no longer so.
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

cat >try.py <<'end'
import mmap, os, subprocess, time

file = os.open("store/file", os.O_RDWR | os.O_CREAT)
os.write(file, b"0" * 4096)
os.fsync(file)
mapped = mmap.mmap(file, 4096)


def changed():
    return os.stat("store/file").st_mtime_ns


def backup():
    libraries = {"LD_LIBRARY_PATH": "root/usr/lib/x86_64-linux-gnu:root/lib/x86_64-linux-gnu"}
    subprocess.run(["root/usr/bin/rsync", "-a", "store/", "backup/"], check=True, env=libraries)
    with open("backup/file") as copy:
        return copy.read(1)


before = changed()
time.sleep(0.1)
mapped[0:1] = b"1"
first = changed()
print(f"first store: the time {'changes' if first != before else 'is the same'}, the backup has {backup()}")
time.sleep(0.1)
mapped[0:1] = b"2"
mapped.flush()
os.fsync(file)
mapped.close()
os.close(file)
time.sleep(0.1)
with open("store/file") as store:
    has = store.read(1)
print("second store, msync, fsync, close: the time", "changes" if changed() != first else "is the same",
      end=f", the file has {has}, the backup has {backup()}\n")
end

expected='first store: the time changes, the backup has 1
second store, msync, fsync, close: the time is the same, the file has 2, the backup has 1'
# Again if just then somebody's sync has written the page back.
for _ in 1 2 3; do
    rm -rf store backup
    mkdir store
    seen=$(python3 try.py)
    [ "$seen" != "$expected" ] || break
done
echo "$seen"
[ "$seen" = "$expected" ]
