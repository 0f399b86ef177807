#!/usr/bin/env bash
# Linux 6.18 (seen with CPython 3.11.2, Debian 12, 3.11.2-6+deb12u8): bytes that sendfile() has sent, and that TCP has
# acknowledged, still change when the file does.
#
# sendfile(2) asks to leave the file unmodified until the reader has consumed the data, so one waits for the acknowledgement:
# SIOCOUTQ is 0, nothing is outstanding. On loopback, which containers and proxies on one host use, that is too early: the peer's
# receive buffer refers to the file's pages themselves. What is written to the file before the peer reads is what it reads, and
# shortening the file fills the rest of its last page with zeros, while the pages after that stay as they were. A file of which
# something was sent can only be appended to, be cut at a page's beginning, or be dropped.
#
# Seen, 65,536 times "a" sent, all acknowledged, then read:
#       untouched: 65536 a
#       overwritten with b: 65536 b
#       cut to 100 bytes: 100 a, 3996 NUL, 61440 a
#       cut to nothing: 65536 a
#
# Needs Linux, Debian 12's archive. Ends with 1 if that is no longer so.
set -euo pipefail
export LC_ALL=C
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

apt-get -qq -o APT::Sandbox::User=root download python3.11-minimal=3.11.2-6+deb12u8 \
    libpython3.11-minimal=3.11.2-6+deb12u8 libpython3.11-stdlib=3.11.2-6+deb12u8
for package in *.deb; do
    dpkg -x "$package" root
done

cat >try.py <<'end'
import fcntl, itertools, os, socket, struct, termios, time

SIZE = 65536


def outstanding(sender):
    return struct.unpack("i", fcntl.ioctl(sender, termios.TIOCOUTQ, bytes(4)))[0]


def read_after(change):
    listener = socket.create_server(("127.0.0.1", 0))
    reader = socket.create_connection(listener.getsockname())
    sender = listener.accept()[0]
    file = os.memfd_create("a file")
    os.write(file, b"a" * SIZE)
    sent = 0
    while sent < SIZE:
        sent += os.sendfile(sender.fileno(), file, sent, SIZE - sent)
    for _ in range(1000):
        if outstanding(sender) == 0:
            break
        time.sleep(0.01)
    else:
        raise SystemExit("it is never acknowledged")
    change(file)
    return reader.makefile("rb").read(SIZE)


for what, change in [
    ("untouched", lambda file: None),
    ("overwritten with b", lambda file: os.pwrite(file, b"b" * SIZE, 0)),
    ("cut to 100 bytes", lambda file: os.ftruncate(file, 100)),
    ("cut to nothing", lambda file: os.ftruncate(file, 0)),
]:
    runs = [(chr(byte), len(list(run))) for byte, run in itertools.groupby(read_after(change))]
    print(f"{what}:", ", ".join(f"{length} {letter}" for letter, length in runs).replace("\0", "NUL"))
end

seen=$(PYTHONHOME=root/usr root/usr/bin/python3.11 try.py)
expected='untouched: 65536 a
overwritten with b: 65536 b
cut to 100 bytes: 100 a, 3996 NUL, 61440 a
cut to nothing: 65536 a'
echo "$seen"
[ "$seen" = "$expected" ]
