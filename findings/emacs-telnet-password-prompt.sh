#!/usr/bin/env bash
# Emacs 28.2 (Debian 12, 1:28.2+1-15+deb12u4), M-x telnet: "passw" anywhere in the output counts as a prompt for a password.
#
# One expects a prompt to end a line, like "Password:", and comint, on which telnet is built, looks for that. But at the
# start of a session telnet's filter asks for a password in the minibuffer whenever a piece of output contains "passw", in upper
# or lower case, and sends what is typed there as a line. It does so for some 55 pieces of output, and for some 6 more after
# each match. So a greeting like "Lost your password? Write to root@example.org" opens the prompt, and so does another
# person's word in a chat; a user who types what the program asks for has sent a password to a server that did not ask for
# one.
#
# Seen: asked: 1, and the server got: what was typed there
#
# Needs Debian 12 and its archive. Ends with 1 if that is no longer so.
set -euo pipefail
export LC_ALL=C
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

version=1:28.2+1-15+deb12u4
apt-get -qq -o APT::Sandbox::User=root download \
    "emacs-nox=$version" "emacs-common=$version" "emacs-bin-common=$version" "emacs-el=$version" libc6 dash coreutils libattr1 \
    libacl1 libasound2 libcap2 libdbus-1-3 libffi8 libgcc-s1 libgccjit0 libgcrypt20 libgmp10 libgnutls30 libgpg-error0 \
    libgpm2 libhogweed6 libicu72 libidn2-0 libisl23 libjansson4 liblcms2-2 liblz4-1 liblzma5 libmpc3 libmpfr6 \
    libnettle8 libp11-kit0 libpcre2-8-0 libselinux1 libssl3 libstdc++6 libsystemd0 libtasn1-6 libtinfo6 libunistring2 \
    libxml2 libzstd1 zlib1g
for package in *.deb; do
    dpkg -x "$package" root
done
mkdir -p root/dev root/tmp

# What stands for telnet and the server behind it: it connects, greets, and keeps the line that comes then.
cat >root/tmp/telnet <<'END'
#!/bin/sh
printf 'telnet> '
read -r _
printf 'Connected.\nWelcome. Lost your password? Write to root@example.org\n'
read -r line
printf '%s' "$line" >/tmp/got
END
chmod +x root/tmp/telnet

cat >root/tmp/talk.el <<'END'
(require 'telnet)
(setq telnet-program "/tmp/telnet" telnet-new-line "\n" process-connection-type nil)
(defvar asked 0)
;; The user, who does as told.
(advice-add 'read-passwd :override (lambda (&rest _) (setq asked (1+ asked)) "what was typed there"))
(telnet "example.org" "23")
(let ((patience 100))
  (while (and (> patience 0) (get-buffer-process (current-buffer)))
    (setq patience (1- patience))
    (accept-process-output nil 0.1)))
(princ (format "%d" asked))
END

# Emacs finds its files where it was installed: so that is the root folder for it.
asked=$(unshare --map-root-user --mount sh -c 'mount --rbind /dev root/dev && exec chroot root \
    env -i PATH=/usr/bin:/bin HOME=/tmp /usr/bin/emacs-nox --batch -Q -l /tmp/talk.el' 2>errors) ||
    { cat errors >&2; exit 1; }
got=$(cat root/tmp/got 2>/dev/null || true)
echo "asked: $asked, and the server got: ${got:-nothing}"
[ "$asked" = 1 ] && [ "$got" = "what was typed there" ]
