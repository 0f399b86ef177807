#!/usr/bin/env bash
# ngIRCd 26.1 (Debian 12, 26.1-1+deb12u1): without penalties, lines that are sent at once still wait, about a second for each four.
#
# ngircd.conf(5) says that MaxPenaltyTime = 0 disables penalties altogether. But where nobody else says anything, a client
# that pipelines is still served some four lines, then nothing for a second, and so on: its lines are in the server's buffer,
# and the loop goes back to them only when something else happens or its second of waiting is over. So a benchmark or a test
# with one client measures seconds, and one with more clients does not. Five lines are answered at once.
#
# Seen: 3 lines and a PING: answered in less than a second
#       20 lines and a PING: 5 s
#
# Needs Debian 12, its archive, and python3. Ends with 1 if that is no longer so.
set -euo pipefail
export LC_ALL=C
folder=$(mktemp -d)
server=
finish() {
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    wait 2>/dev/null || true
    rm -rf "$folder"
}
trap finish EXIT
cd "$folder"

apt-get -qq -o APT::Sandbox::User=root download ngircd=26.1-1+deb12u1 libident libpam0g libgnutls30 zlib1g libaudit1 \
    libp11-kit0 libidn2-0 libunistring2 libtasn1-6 libnettle8 libhogweed6 libgmp10 libcap-ng0 libffi8
for package in *.deb; do
    dpkg -x "$package" root
done

port=$(python3 -c '
import socket
print(socket.create_server(("127.0.0.1", 0)).getsockname()[1])')
cat >ngircd.conf <<END
[Global]
Name = irc.example.org
Info = a test
Listen = 127.0.0.1
Ports = $port
ServerUID = $(id -u)
ServerGID = $(id -g)
MotdPhrase = hello
[Limits]
MaxPenaltyTime = 0
[Options]
DNS = no
Ident = no
PAM = no
END
LD_LIBRARY_PATH=$folder/root/usr/lib/x86_64-linux-gnu:$folder/root/lib/x86_64-linux-gnu \
    root/usr/sbin/ngircd -n -f "$folder/ngircd.conf" >log 2>&1 &
server=$!

python3 - "$port" <<'END'
import socket, sys, time

for _ in range(100):
    try:
        peer = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 30)
        break
    except OSError:
        time.sleep(0.05)
lines = peer.makefile("r", encoding="utf-8", newline="\n")

def ask(text, until):
    start = time.monotonic()
    peer.sendall(text.replace("\n", "\r\n").encode())
    while until not in (line := lines.readline()):
        assert line, "the server ended the connection"
    return time.monotonic() - start

ask("NICK ann\nUSER ann 0 * :ann\n", " 376 ")
ask("JOIN #x\n", " 366 ")
time.sleep(2)
few = ask("PRIVMSG #x :hello\n" * 3 + "PING :few\n", ":few")
time.sleep(2)
many = ask("PRIVMSG #x :hello\n" * 20 + "PING :many\n", ":many")
print("3 lines and a PING:", "answered in less than a second" if few < 1 else f"{few:.0f} s")
print(f"20 lines and a PING: {many:.0f} s")
sys.exit(not (few < 1 and many >= 3))
END
