#!/usr/bin/env bash
# wscat 6.1.0 (npm): with its input at the end, `wscat -c URL -x TEXT` sends nothing and succeeds, be the server up or not.
#
# -x sends a text after connecting and then ends, so it is for scripts: an alarm, a post from cron, a check whether the server
# is up. It needs no input, and on a terminal it is right: it sends the text, and ends with 255 if it cannot connect. But
# wscat reads its input all the same, and takes the end of it for the user's wish to leave, with 0, before the
# connection has been made. Units of systemd, containers without -i, many CI runners and ssh -n give a program /dev/null to
# read. There the text is not sent, nothing is said, and the check says yes about a server that hangs; where nobody listens,
# on the same machine, it is chance. The manual mentions no input with -x. `sleep 5 | wscat ...` cures. (That lines from a
# pipe are lost in the same way has been reported to wscat.)
#
# Seen, a server that takes a second for the handshake, and one that never answers:
#       slow, input open: it got hello, exit code 0
#       slow, /dev/null: it got nothing, exit code 0
#       silent, input open: it got nothing, waited
#       silent, /dev/null: it got nothing, exit code 0
#
# Needs Node.js 18 or later, npm and its registry. Ends with 1 if that is no longer so.
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

npm install --silent --no-audit --no-fund --prefix . wscat@6.1.0 ws@8.23.0 commander@12.1.0 read@4.1.0 \
    https-proxy-agent@7.0.6 >/dev/null

# Tells its port, and keeps what it is sent.
cat >server.js <<'end'
const fs = require("fs");
const { WebSocketServer } = require("ws");
const verifyClient = ({ req }, accept) => req.url === "/slow" && setTimeout(accept, 1000, true);
const server = new WebSocketServer({ host: "127.0.0.1", port: 0, verifyClient }, () =>
    fs.writeFileSync("port", `${server.address().port}`));
server.on("connection", (socket) => socket.on("message", (text) => fs.appendFileSync("got", text)));
end
node server.js &
server=$!
until [ -s port ]; do sleep 0.1; done
# An input that never ends, like a terminal's.
mkfifo pipe
exec 3<>pipe

# What comes of the server's answer $1 and wscat's input $2.
try() {
    local code=0
    timeout 10 node_modules/.bin/wscat -c "ws://127.0.0.1:$(cat port)/$1" -x hello <"$2" >said 2>&1 || code=$?
    sleep 2
    echo "it got $(cat got 2>/dev/null || echo nothing), exit code $code" | sed 's/exit code 124/waited/'
    rm -f got
}

for answer in slow silent; do
    echo "$answer, input open: $(try "$answer" pipe)"
    echo "$answer, /dev/null: $(try "$answer" /dev/null)"
done | tee seen
[ "$(cat seen)" = "slow, input open: it got hello, exit code 0
slow, /dev/null: it got nothing, exit code 0
silent, input open: it got nothing, waited
silent, /dev/null: it got nothing, exit code 0" ]
