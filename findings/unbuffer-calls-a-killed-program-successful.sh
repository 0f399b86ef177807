#!/usr/bin/env bash
# unbuffer (expect 5.45.4, Debian 12, 5.45.4-2+b1): a program that was killed by a signal counts as successful.
#
# `unbuffer program | tee log` runs a program on a pseudo-terminal, so that its lines come at once. It hands on the program's
# exit code, so with pipefail, in a unit or in CI one relies on it. But if a signal ends the program (the kernel when memory is
# short, a crash, an abort), unbuffer ends with 0, as after success. A shell says 128 and the signal then, and so does script
# -e, which does the same job. unbuffer takes the fourth element of what Expect's wait returns, which is 0 for a signal; the
# signal is in elements after it. Many a script for Expect has the same line (exit [lindex [wait] 3]). unbuffer's manual says
# nothing about exit codes; Expect's tells of the elements after it, not that the fourth is 0 then.
#
# Seen: exit 3: sh 3, script 3, unbuffer 3
#       kill -KILL: sh 137, script 137, unbuffer 0
#       kill -SEGV: sh 139, script 139, unbuffer 0
#       kill -TERM: sh 143, script 143, unbuffer 0
#
# Needs Debian 12 and its archive. Ends with 1 if that is no longer so.
set -euo pipefail
export LC_ALL=C
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

apt-get -qq -o APT::Sandbox::User=root download expect=5.45.4-2+b1 tcl-expect=5.45.4-2+b1 tcl8.6=8.6.13+dfsg-2 \
    libtcl8.6=8.6.13+dfsg-2 bsdutils=1:2.38.1-5+deb12u3 zlib1g
for package in *.deb; do
    dpkg -x "$package" root
done
# Expect's part for Tcl is where it was installed.
sed -i "s|join /usr|join $folder/root/usr|" root/usr/lib/tcltk/x86_64-linux-gnu/expect5.45.4/pkgIndex.tcl
export PATH=$folder/root/usr/bin:$PATH
export LD_LIBRARY_PATH=$folder/root/usr/lib/x86_64-linux-gnu:$folder/root/lib/x86_64-linux-gnu
export TCL_LIBRARY=$folder/root/usr/share/tcltk/tcl8.6 TCLLIBPATH=$folder/root/usr/lib/tcltk/x86_64-linux-gnu

# The exit code of what follows.
code() {
    local code=0
    "$@" </dev/null >said 2>&1 || code=$?
    grep -q ready said || { cat said >&2; exit 2; }
    echo "$code"
}

for end in 'exit 3' 'kill -KILL' 'kill -SEGV' 'kill -TERM'; do
    program="echo ready; $end"
    [ "$end" = 'exit 3' ] || program="$program \$\$"
    echo "$end: sh $(code bash -c "sh -c '$program'; exit"), script $(code script -qec "$program" /dev/null)," \
        "unbuffer $(code unbuffer sh -c "$program")"
done | tee seen
[ "$(cat seen)" = "exit 3: sh 3, script 3, unbuffer 3
kill -KILL: sh 137, script 137, unbuffer 0
kill -SEGV: sh 139, script 139, unbuffer 0
kill -TERM: sh 143, script 143, unbuffer 0" ]
