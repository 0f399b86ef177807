#!/usr/bin/env bash
# vte 0.15.0, the parser of Alacritty and of the vt100 crate (0.18.1): a character between two cut ones is lost.
#
# A terminal's parser is fed what read() returned, so characters of several bytes may be cut anywhere, and the result must not
# depend on where. But when a piece contains the rest of a cut character, one more character, and the start of another cut
# one, the character in the middle is not shown.
#
# Seen, "ü 日" as C3 | BC 20 E6 | 97 A5:
#       whole: "ü 日"
#       cut:   "ü日"
#
# Needs a Rust toolchain. Ends with 1 if that is no longer so.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

cargo init --quiet --vcs none --name cut
cargo add --quiet vt100@=0.18.1 vte@=0.15.0
cat >src/main.rs <<'end'
fn shown(pieces: &[&[u8]]) -> String {
    let mut parser = vt100::Parser::new(1u16.try_into().unwrap(), 20u16.try_into().unwrap(), 0);
    for piece in pieces {
        parser.process(piece);
    }
    parser.screen().contents()
}

fn main() {
    let whole = "ü 日".as_bytes();
    println!("whole: {:?}", shown(&[whole]));
    println!("cut:   {:?}", shown(&[&whole[..1], &whole[1..4], &whole[4..]]));
}
end
seen=$(cargo run --quiet)
echo "$seen"
expected='whole: "ü 日"
cut:   "ü日"'
[ "$seen" = "$expected" ]
