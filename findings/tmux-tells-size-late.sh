#!/usr/bin/env bash
# tmux 3.3a (Debian 12, 3.3a-3): a pane has its new width up to 250 ms before its program can know of it.
#
# When a window is resized twice within 250 ms, as with every drag of a mouse, tmux rewraps the rows of the pane at
# once. But it sets the size of the pseudo-terminal only for the first change, and for the last one a quarter of a second
# later. Until then TIOCGWINSZ returns the old width, and there is no SIGWINCH. A program that meanwhile moves the cursor up by
# a number of rows that it computes from the width reaches the wrong row, though it does nothing wrong. It has to wait until
# the size has not changed for longer than that.
#
# Seen, 80 columns made 70 and then 60 at once:
#       pane 60 columns, its terminal 70
#       pane 60 columns, its terminal 60, after 200 to 300 ms
#
# Needs Debian 12 and its archive. Ends with 1 if that is no longer so.
set -euo pipefail
export LC_ALL=C.UTF-8
unset TMUX
folder=$(mktemp -d)
trap 'tmux kill-server 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"

apt-get -qq -o APT::Sandbox::User=root download tmux=3.3a-3 libevent-core-2.1-7 libutempter0 libtinfo6
for package in *.deb; do
    dpkg -x "$package" root
done

tmux() {
    LD_LIBRARY_PATH=root/usr/lib/x86_64-linux-gnu:root/lib/x86_64-linux-gnu \
        root/usr/bin/tmux -S "$folder/socket" -f /dev/null "$@"
}

tmux new-session -d -x 80 -y 24 'sleep 60'
terminal=$(tmux display -p '#{pane_tty}')
told() { stty -F "$terminal" size | cut -d ' ' -f 2; }
# Whatever the start had to set has been set.
until [ "$(told)" = 80 ]; do sleep 0.05; done
sleep 1

tmux resize-window -x 70 -y 24
tmux resize-window -x 60 -y 24
pane=$(tmux display -p '#{pane_width}')
first=$(told)
begin=$(date +%s%3N)
echo "pane $pane columns, its terminal $first"
until [ "$(told)" = 60 ]; do
    [ $(($(date +%s%3N) - begin)) -lt 5000 ] || { echo "it is never told" >&2; exit 1; }
    sleep 0.01
done
after=$(($(date +%s%3N) - begin))
echo "pane $(tmux display -p '#{pane_width}') columns, its terminal $(told), after $after ms"
[ "$pane" = 60 ] && [ "$first" != 60 ] && [ "$after" -ge 100 ]
