#!/bin/sh
# Makes a tarball of the programs that `cargo build --release` has built, for any Linux with the glibc of Debian 12 or a newer
# one: dist.sh VERSION
set -eu
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-target}
programs="$target/release/chat-room-server $target/release/chat-room-client"
# The glibc of Debian 12.
oldest=2.36

fail() {
    echo "dist.sh: $*" >&2
    exit 1
}

command -v objdump >/dev/null || fail "there is no objdump here: apt-get install binutils"
newest=$(objdump -T $programs | sed -n 's/.*(GLIBC_\([0-9.]*\)).*/\1/p' | sort -Vu | tail -n 1)
[ "$(printf '%s\n' "$newest" $oldest | sort -V | tail -n 1)" = $oldest ] ||
    fail "built here the programs need glibc $newest, and Debian 12 has $oldest: build them there"

name=chat-room-$1-$(uname -m)-linux
to=target/dist/$name
# No other version's stays there: deploy/Containerfile takes what it finds.
rm -rf target/dist
mkdir -p "$to/bin" "$to/share/man/man1" "$to/share/bash-completion/completions" "$to/share/zsh/site-functions"
for program in $programs; do
    strip -o "$to/bin/${program##*/}" "$program"
    chmod 755 "$to/bin/${program##*/}"
done
cp src/man/*.1 "$to/share/man/man1"
for file in deploy/completions/*.bash; do
    cp "$file" "$to/share/bash-completion/completions/$(basename "$file" .bash)"
done
cp deploy/completions/_* "$to/share/zsh/site-functions"
cp -r ./*.md LICENSE docs deploy "$to"
rm -rf "$to/deploy/debian" "$to/deploy/completions" "$to/deploy/dist.sh"

# The same files give the same tarball.
tar --sort=name --owner=0 --group=0 --numeric-owner --mtime="@${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}" \
    --mode=go-w -C target/dist -c "$name" | gzip -n >"$to.tar.gz"
rm -rf "$to"
echo "$to.tar.gz: needs glibc $newest or newer"
