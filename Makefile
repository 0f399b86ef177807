# `make run` starts the demo group; its passwords are in members.txt.

.PHONY: run test test-cluster test-computing check bench peers sim nodes-sim torture nodes-torture silence fuzz chat deb package-test dist container-test

# More options for the server: make run ARGS="--listen 127.0.0.1:7668"
ARGS =
# Where the page is.
WEB = 127.0.0.1:7680
# As whom to chat: make chat MAIL=bob@example.org
MAIL = ann@example.org
# And where.
SERVER = 127.0.0.1:7667

# Builds both programs quickly. Build what serves for real with cargo build --release.
run:
	cargo build --profile quick
	cargo run --profile quick --quiet --bin chat-room-server -- --web-listen $(WEB) $(ARGS)

chat:
	@cargo build --profile quick
	@cargo run --profile quick --quiet --bin chat-room-client -- --server $(SERVER) $(MAIL)

SIMULATIONS = sim nodes_sim
CLUSTER = brokers cluster cluster_invitations cluster_logins copies cut_off found nodes three_nodes
TESTS = $(sort $(patsubst tests/%.rs,%,$(wildcard tests/*.rs)) $(patsubst tests/%/main.rs,%,$(wildcard tests/*/main.rs)))
IDLE = $(shell chrt --idle 0 true 2>/dev/null && echo chrt --idle 0)

# Three at once, because most tests wait most of their time: those with brokers wait for clocks, and what only computes takes
# what the others leave of the processor.
test:
	cargo test --no-run
	logs=$$(mktemp -d); \
	make test-cluster >$$logs/cluster 2>&1 & cluster=$$!; \
	$(IDLE) make test-computing >$$logs/computing 2>&1 & computing=$$!; \
	cargo test --lib --bins $(addprefix --test ,$(filter-out $(SIMULATIONS) $(CLUSTER),$(TESTS))); tests=$$?; \
	wait $$cluster || tests=$$?; wait $$computing || tests=$$?; cat $$logs/*; rm -r $$logs; exit $$tests

test-cluster:
	cargo test $(addprefix --test ,$(CLUSTER))

# The simulations; and the benches small and unoptimised: whether they work, not how fast.
test-computing:
	cargo test $(addprefix --test ,$(SIMULATIONS))
	cargo test --quiet --bench '*'

check:
	cargo fmt --check
	cargo clippy --all-targets -- -D warnings
	RUSTDOCFLAGS=-Dwarnings cargo doc --no-deps

# All benches, some minutes; one: cargo bench --bench latency. The tables go to docs/benchmarks/, and from there into the
# documents and charts.
bench:
	BENCH_TABLES=docs/benchmarks cargo bench
	UPDATE=1 cargo test --quiet --test tidy figures

# Our server beside Redis, NATS, ngIRCd, InspIRCd and mosquitto, some minutes: with what is installed of
# apt-get install redis-server ngircd inspircd mosquitto, and the broker that the tests use.
peers:
	-tests/get-nats-server.sh
	BENCH_TABLES=docs/benchmarks cargo bench --bench peers -- not-stored stored
	UPDATE=1 cargo test --quiet --test tidy figures

# The simulation of this many seeds; 0: until it is stopped or fails. A failure prints its seed, SIM_SEED= replays it. At
# the end it says how often each thing has happened.
SEEDS = 0

sim:
	SIM_SEEDS=$(SEEDS) cargo test --release --test sim -- --nocapture

# The same for the nodes of a cluster and their stream.
nodes-sim:
	SIM_SEEDS=$(SEEDS) cargo test --release --test nodes_sim -- --nocapture

# How often to kill the real server at random under load, about 100 times a minute: make torture CYCLES=1000
CYCLES = 200

torture:
	TORTURE_CYCLES=$(CYCLES) cargo test --release --test crash -- --nocapture

# How often to let nodes, brokers and the network between them fail, in all ways by turns, about five times a minute:
# make nodes-torture CYCLES=300. FAULTS=NodeKilled,LeaderFrozen for some of them; tests/nodes/faults.rs has their names.
FAULTS =

nodes-torture:
	NODES_CYCLES=$(CYCLES) NODES_FAULTS=$(FAULTS) cargo test --release --test nodes -- --nocapture whatever_fails

# Whether this many connections survive five minutes of silence: make silence CONNECTIONS=10000
CONNECTIONS = 19000

silence:
	SILENT_CONNECTIONS=$(CONNECTIONS) cargo test --release --test keepalive -- --nocapture five_minutes

# Random input for one parser after the other, or for one of them (batches, display, lines, members, nats,
# recovery, requests, tokens, invitations, heads, frames): make fuzz TARGET=lines SECONDS=60. A failure says how to replay it.
# PROFILE=test takes what `make test` has built, which tries a fraction as many inputs.
TARGET =
SECONDS = 10
INPUT =
PROFILE = fuzz

fuzz:
	FUZZ_SECONDS=$(SECONDS) FUZZ_INPUT=$(INPUT) cargo test --quiet --profile $(PROFILE) --lib --test fuzz \
	    fuzz_$(TARGET) -- --nocapture

# The Debian package, in target/package; the names for a backtrace are in a second one.
VERSION := $(shell sed -n '/^version = /{s/.*"\(.*\)"/\1/p;q}' Cargo.toml)
PACKAGE = target/package/chat-room_$(VERSION)_$(shell dpkg --print-architecture 2>/dev/null).deb

deb:
	@cargo deb --version >/dev/null 2>&1 || { echo "make deb needs cargo-deb: cargo install cargo-deb --locked" >&2; exit 1; }
	@command -v dpkg-shlibdeps >/dev/null || { echo "make deb needs dpkg-shlibdeps: apt-get install dpkg-dev" >&2; exit 1; }
	cargo deb --locked --dbgsym --output target/package/

# The package on a fresh Debian with a systemd of its own: installed, upgraded to one with a higher version, removed, purged.
# For root; the Debian is fetched once. On another one: make package-test SUITE=trixie
DEBIAN = http://deb.debian.org/debian
SUITE = bookworm
FRESH = target/debian-$(SUITE)

package-test: deb $(FRESH)
	@command -v lintian >/dev/null || { echo "make package-test needs lintian: apt-get install lintian" >&2; exit 1; }
	lintian --allow-root --fail-on error,warning $(PACKAGE)
	cargo deb --no-build --locked --dbgsym --fast --output target/package/ --deb-version $(VERSION)+next
	PACKAGE_ROOT=$(abspath $(FRESH)) PACKAGES="$(abspath $(PACKAGE) $(subst $(VERSION),$(VERSION)+next,$(PACKAGE)))" \
	    cargo test --quiet --test package -- --nocapture

# debootstrap's --include would take the packages of a newer systemd in an order that fails.
$(FRESH):
	@command -v debootstrap >/dev/null || { echo "make $@ needs debootstrap: apt-get install debootstrap" >&2; exit 1; }
	rm -rf $@.new && mkdir -p $(@D)
	debootstrap --variant=minbase $(SUITE) $@.new $(DEBIAN)
	chroot $@.new sh -c 'export PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive && \
	    apt-get install -qy --no-install-recommends systemd iproute2 logrotate bash-completion zsh && apt-get clean'
	mv $@.new $@

# A tarball, in target/dist, for any Linux with the glibc of Debian 12 or a newer one.
dist:
	cargo build --release --locked
	deploy/dist.sh $(VERSION)

# deploy/Containerfile, built from that and run with podman, on the Debian of package-test. For root.
container-test: dist $(FRESH)
	@command -v podman >/dev/null || { echo "make $@ needs podman: apt-get install podman crun" >&2; exit 1; }
	CONTAINER_BASE=$(abspath $(FRESH)) cargo test --quiet --test package container -- --nocapture
