#!/usr/bin/env bash
# ncat 7.93 (Debian 12, 7.93+dfsg1-1) and OpenSSL 3.0: after `... | ncat --ssl`, the server cannot answer any more.
#
# At the end of its input ncat closes its direction and goes on reading, so that a server that answers after it has read
# everything (a digest, a sort) can do so. With --ssl it closes TCP's direction, too, but without TLS's own goodbye, the
# close_notify, before it. OpenSSL takes that for a cut connection, and then refuses to write to it, although the other direction
# is open and ncat waits there. The answer is lost, and ncat ends with 0 after no bytes. In Python recv() even returns a plain
# end, and only sendall() fails. socat sends the close_notify, and gets the answer from the same server. A server can set
# SSL_OP_IGNORE_UNEXPECTED_EOF, if it need not tell a cut from an end.
#
# Seen: ncat, TCP: 3
#       socat, TLS: 3
#       ncat, TLS: nothing, ncat's exit code 0, and the server says: SSL_write(): ... unexpected eof while reading
#
# Needs Debian 12 and its archive. Ends with 1 if that is no longer so.
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

apt-get -qq -o APT::Sandbox::User=root download ncat=7.93+dfsg1-1 socat=1.7.4.4-2 openssl libssl3 liblua5.3-0 libpcap0.8 libdbus-1-3 \
    libsystemd0 libcap2 libgcrypt20 libgpg-error0 liblzma5 libzstd1 liblz4-1 libwrap0 libnsl2 libtirpc3
for package in *.deb; do
    dpkg -x "$package" root
done
run() {
    local program=$1
    shift
    LD_LIBRARY_PATH=root/usr/lib/x86_64-linux-gnu:root/lib/x86_64-linux-gnu timeout 20 "root/usr/bin/$program" "$@"
}

run openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost -days 2 \
    -config root/usr/lib/ssl/openssl.cnf -keyout key -out certificate 2>/dev/null || exit 2
cat key certificate >both

# A server of kind $1 that counts lines until the end and then answers, for one client, who is asked by $2.
try() {
    : >log
    run socat -d -d -t 10 "$1" SYSTEM:'wc -l' 2>log &
    server=$!
    until grep -q 'listening on' log; do sleep 0.05; done
    port=$(sed -n 's/.*listening on .*:\([0-9]*\)$/\1/p' log)
    code=0
    answer=$(printf 'a\nb\nc\n' | "$2") || code=$?
    wait "$server" || true
    server=
}
by_ncat() { run ncat 127.0.0.1 "$port"; }
by_ncat_ssl() { run ncat --ssl 127.0.0.1 "$port"; }
by_socat_ssl() { run socat -t 10 - "OPENSSL:127.0.0.1:$port,verify=0"; }
tls=OPENSSL-LISTEN:0,bind=127.0.0.1,cert=both,verify=0

try TCP-LISTEN:0,bind=127.0.0.1 by_ncat
plain=$answer
echo "ncat, TCP: $plain"
try "$tls" by_socat_ssl
socat=$answer
echo "socat, TLS: $socat"
try "$tls" by_ncat_ssl
said=$(sed -n 's/.* E //p' log | head -n 1)
echo "ncat, TLS: ${answer:-nothing}, ncat's exit code $code, and the server says: $said"
[ "$plain" = 3 ] && [ "$socat" = 3 ] && [ -z "$answer" ] && [[ $said = SSL_*"unexpected eof"* ]]
