#!/usr/bin/env bash
# gawk 5.2.1 (Debian 12, 1:5.2.1-2): with RS = "\r?\n" a line is handed over only when something comes after it.
#
# RS = "\r?\n" is how one reads lines that end in LF or in CR LF, and the manual recommends it in one place. After the LF nothing
# can make the match longer. But where the match ends with what has been read, gawk reads more before it hands the record over, if
# RS is a regular expression and not plain text, even [\n]. (By its source, 5.3.2 and later do so only with one of \ * + | ? { } in
# RS.) From a file one never sees this. From a peer (|&, /inet/tcp, a pipe) each line comes late by one or more, and the last one
# when the peer closes: a client that reads the greeting before it speaks, and a server that waits for its answer, wait for each
# other. The manual says of such an RS only that it may match too little. RS = "\n" with sub(/\r$/, "") does what one wants.
#
# Seen: RS \n: answered
#       RS \r\n: answered
#       RS \r?\n: waited in vain
#       RS \r\n|\n: waited in vain
#       RS [\n]: waited in vain
#
# Needs Debian 12 and its archive. Ends with 1 if that is no longer so.
set -euo pipefail
export LC_ALL=C
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

apt-get -qq -o APT::Sandbox::User=root download gawk=1:5.2.1-2 libsigsegv2 libmpfr6 libgmp10 libreadline8 libtinfo6
for package in *.deb; do
    dpkg -x "$package" root
done

# Says one whole line, and tells whether it was answered within three seconds.
cat >server <<'end'
printf 'Your name?\r\n'
if read -r -t 3 name; then echo answered; else echo waited in vain; fi >told
end

for rs in '\n' '\r\n' '\r?\n' '\r\n|\n' '[\n]'; do
    LD_LIBRARY_PATH=root/usr/lib/x86_64-linux-gnu:root/lib/x86_64-linux-gnu root/usr/bin/gawk -v RS="$rs" '
        BEGIN {
            server = "bash server"
            server |& getline greeting
            print "Ann" |& server
            close(server)
        }' 2>/dev/null || true
    echo "RS $rs: $(cat told)"
    rm told
done | tee seen
[ "$(sed 's/.*: //' seen | xargs)" = "answered answered waited in vain waited in vain waited in vain" ]
