# What there is to do. `make run` starts the demo group; its passwords stand in members.txt.

.PHONY: run test check bench sim torture silence fuzz chat

# More options for the server: make run ARGS="--listen 127.0.0.1:7668"
ARGS =
# Who chats: make chat MAIL=bob@example.org
MAIL = ann@example.org
# And where.
SERVER = 127.0.0.1:7667

# Built in a hurry, both at once. What serves for real is built with cargo build --release.
run:
	cargo build --profile quick
	cargo run --profile quick --quiet --bin chat-room-server -- $(ARGS)

chat:
	@cargo build --profile quick
	@cargo run --profile quick --quiet --bin chat-room-client -- --server $(SERVER) $(MAIL)

# The benches too, in small and unoptimised: that they work, not how fast.
test:
	cargo test
	cargo test --quiet --bench '*'

check:
	cargo fmt --check
	cargo clippy --all-targets -- -D warnings
	RUSTDOCFLAGS=-Dwarnings cargo doc --no-deps

# All benches, some minutes; one: cargo bench --bench latency.
bench:
	cargo bench

# The simulation of so many seeds, 0: until it is stopped or fails. A failure prints its seed, SIM_SEED= replays it. In
# the end it tells how often each thing has happened.
SEEDS = 0

sim:
	SIM_SEEDS=$(SEEDS) cargo test --release --test sim -- --nocapture

# How often the real server is killed at random under load, some 100 times a minute: make torture CYCLES=1000
CYCLES = 200

torture:
	TORTURE_CYCLES=$(CYCLES) cargo test --release --test crash -- --nocapture

# Whether so many connections live through five minutes of silence: make silence CONNECTIONS=10000
CONNECTIONS = 19000

silence:
	SILENT_CONNECTIONS=$(CONNECTIONS) cargo test --release --test keepalive -- --nocapture five_minutes

# What nobody would think of, against one parser after the other, or one of them (display, lines, members, recovery,
# requests, tokens): make fuzz TARGET=lines SECONDS=60. A failure says how it is replayed.
TARGET =
SECONDS = 10
INPUT =

fuzz:
	FUZZ_SECONDS=$(SECONDS) FUZZ_INPUT=$(INPUT) cargo test --quiet --profile fuzz --lib --test fuzz \
	    fuzz_$(TARGET) -- --nocapture --test-threads=1
