#!/usr/bin/env bash
# Linux 6.18 and GNU Readline 8.2 (Debian 12, bash 5.2.15-2+b13): a Ctrl-D that is typed ahead is lost, what is typed with it is not.
#
# Input that reaches a pseudo-terminal before a program reads it waits there. termios(3) says that in canonical mode the end
# character is recognized, and not passed as input. But if the program meanwhile switches to raw mode, as every line editor
# does before it shows its prompt, it reads a NUL in the place of the Ctrl-D, neither an end nor byte 4. Readline (zsh, too) takes
# that for another key: the line before it is run, the end is not noticed, and the program waits for ever. So a script that
# writes its lines and a Ctrl-D to a client's terminal ends or hangs depending on which of the two is faster. It has to wait for
# the prompt before it sends the Ctrl-D.
#
# Seen: Ctrl-D, then raw mode: 00
#       raw mode, then Ctrl-D: 04
#       bash, Ctrl-D after the prompt: runs the line, ends
#       bash, Ctrl-D before it started: runs the line, waits
#
# Needs Linux, Debian 12's archive, and python3. Ends with 1 if that is no longer so.
set -euo pipefail
export LC_ALL=C
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

apt-get -qq -o APT::Sandbox::User=root download bash=5.2.15-2+b13 libtinfo6
for package in *.deb; do
    dpkg -x "$package" root
done

cat >try.py <<'end'
import fcntl, os, pty, select, subprocess, termios, time, tty


def read(master, until, seconds):
    """What comes until the word `until` or the time is over, and whether the terminal has ended."""
    output, end = b"", time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0 and not (until and until in output):
        if select.select([master], [], [], left)[0]:
            try:
                output += os.read(master, 1000)
            except OSError:
                return output, True
    return output, False


def bash(name, early):
    master, slave = pty.openpty()
    line, output = b"echo $((6*7))\n", b""
    if early:
        os.write(master, line + b"\x04")
        time.sleep(0.2)
    shell = subprocess.Popen(
        ["root/bin/bash", "--norc", "--noprofile", "-i"], stdin=slave, stdout=slave, stderr=slave,
        start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        env={"PS1": "ready> ", "TERM": "dumb", "HISTFILE": "", "LD_LIBRARY_PATH": "root/lib/x86_64-linux-gnu"})
    os.close(slave)
    if not early:
        read(master, b"ready> ", 20)
        os.write(master, line)
        output = read(master, b"42\r\nready> ", 20)[0]
        os.write(master, b"\x04")
    more, ended = read(master, None, 8)
    shell.kill()
    shell.wait()
    os.close(master)
    print(f"{name}: {'runs the line' if b'42' in output + more else 'nothing'}, {'ends' if ended else 'waits'}")


master, slave = pty.openpty()
os.write(master, b"\x04")
time.sleep(0.2)
tty.setraw(slave, termios.TCSANOW)
print("Ctrl-D, then raw mode:", os.read(slave, 10).hex())
os.write(master, b"\x04")
print("raw mode, then Ctrl-D:", os.read(slave, 10).hex())
bash("bash, Ctrl-D after the prompt", False)
bash("bash, Ctrl-D before it started", True)
end

seen=$(python3 try.py)
echo "$seen"
expected='Ctrl-D, then raw mode: 00
raw mode, then Ctrl-D: 04
bash, Ctrl-D after the prompt: runs the line, ends
bash, Ctrl-D before it started: runs the line, waits'
[ "$seen" = "$expected" ]
