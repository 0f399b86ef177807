#!/usr/bin/env bash
# Prometheus 2.42.0 (Debian 12, 2.42.0+ds-5+deb12u1): a blank before a metric's name loses the whole page, and
# `promtool check metrics` finds nothing wrong with it; one after the value is the other way round.
#
# The description of the text format says that whitespace at the beginning and at the end of a line is ignored. promtool and
# the server have different parsers. promtool ignores a leading blank, as from an indented here-document or template, and
# exits with 0. The server takes it for a part of the name, finds the name invalid, and drops all metrics of that page,
# also the ones on other lines. With a trailing blank promtool fails, and the server reads it. So the check that one puts
# before a deployment says yes to the page that stops the monitoring, and no to the one that is read.
#
# Seen:
#       no blank: promtool exits with 0, the target is up, metrics: rooms 7, people 3
#       a leading blank: promtool exits with 0, the target is down, metrics: none
#       a trailing blank: promtool exits with 1, the target is up, metrics: rooms 7, people 3
#
# Needs Debian 12, its archive, and python3. Ends with 1 if that is no longer so.
set -euo pipefail
export LC_ALL=C
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

apt-get -qq -o APT::Sandbox::User=root download prometheus=2.42.0+ds-5+deb12u1
dpkg -x ./*.deb root

cat >try.py <<'end'
import http.server, json, socket, subprocess, sys, threading, time, urllib.request

HEAD = "# HELP {0} How many {0}.\n# TYPE {0} gauge\n"
PAGES = {"no blank": "people 3", "a leading blank": " people 3", "a trailing blank": "people 3 "}
page = None
quiet = subprocess.DEVNULL


class Metrics(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(page.encode())

    def log_message(self, *_):
        pass


web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Metrics)
threading.Thread(target=web.serve_forever, daemon=True).start()
with open("conf.yml", "w") as file:
    json.dump({"global": {"scrape_interval": "1s", "scrape_timeout": "1s"}, "scrape_configs": [
        {"job_name": "chat", "static_configs": [{"targets": ["127.0.0.1:%d" % web.server_port]}]}]}, file)
with socket.create_server(("127.0.0.1", 0)) as free:
    port = free.getsockname()[1]


def api(path):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/{path}", timeout=10) as answer:
        return json.load(answer)["data"]


for name, line in PAGES.items():
    page = HEAD.format("rooms") + "rooms 7\n" + HEAD.format("people") + line + "\n"
    code = subprocess.run(["root/usr/bin/promtool", "check", "metrics"], input=page.encode(), stderr=quiet).returncode
    server = subprocess.Popen(["root/usr/bin/prometheus", "--config.file=conf.yml", f"--storage.tsdb.path=data {name}",
                               f"--web.listen-address=127.0.0.1:{port}"], stderr=quiet)
    try:
        health, deadline = "unknown", time.monotonic() + 60
        while health == "unknown" and time.monotonic() < deadline:
            time.sleep(0.2)
            try:
                health = api("targets")["activeTargets"][0]["health"]
            except (OSError, IndexError):
                pass
        time.sleep(2)
        series = api("query?query=%7Bjob=%22chat%22%7D")["result"]
        found = {each["metric"]["__name__"].strip(): each["value"][1] for each in series}
    finally:
        server.kill()
        server.wait()
    metrics = ", ".join(f"{each} {found[each]}" for each in ("rooms", "people") if each in found)
    print(f"{name}: promtool exits with {code}, the target is {health}, metrics: {metrics or 'none'}")
end

seen=$(python3 try.py)
expected='no blank: promtool exits with 0, the target is up, metrics: rooms 7, people 3
a leading blank: promtool exits with 0, the target is down, metrics: none
a trailing blank: promtool exits with 1, the target is up, metrics: rooms 7, people 3'
echo "$seen"
[ "$seen" = "$expected" ]
