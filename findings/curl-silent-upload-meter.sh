#!/usr/bin/env bash
# curl 7.88.1 (Debian 12, 7.88.1-10+deb12u15): `-s` does not silence it when it uploads from standard input with `-T .`.
#
# `-T -` and `-T .` both upload standard input; the second reads it without blocking. With `-s`, which the manual
# calls "silent or quiet mode: do not show progress meter or error messages", the first shows nothing, the second shows
# the whole progress meter, whatever the order of the options. `--no-progress-meter` helps.
#
# Seen: with -s -T -: nothing.
#       with -s -T .: "  % Total    % Received % Xferd  Average Speed ..."
#       with --no-progress-meter -T .: nothing.
#
# Needs Debian 12 and its archive. Ends with 1 if that is no longer so.
set -euo pipefail
export LC_ALL=C
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

apt-get -qq -o APT::Sandbox::User=root download curl=7.88.1-10+deb12u15 libcurl4=7.88.1-10+deb12u15 \
    libbrotli1 libcom-err2 libffi8 libgmp10 libgnutls30 libgssapi-krb5-2 libhogweed6 libidn2-0 libk5crypto3 \
    libkeyutils1 libkrb5-3 libkrb5support0 libldap-2.5-0 libnettle8 libnghttp2-14 libp11-kit0 libpsl5 librtmp1 \
    libsasl2-2 libssh2-1 libssl3 libtasn1-6 libunistring2 libzstd1 zlib1g
for package in *.deb; do
    dpkg -x "$package" root
done

# What it writes to standard error while it uploads one line into a file.
told() {
    echo hello |
        LD_LIBRARY_PATH=root/usr/lib/x86_64-linux-gnu:root/lib/x86_64-linux-gnu \
            root/usr/bin/curl "$@" "file://$folder/uploaded" 2>&1 >/dev/null
    [ "$(cat uploaded)" = hello ] || { echo "it was not uploaded" >&2; exit 1; }
    rm uploaded
}

blocking=$(told -s -T -)
without=$(told -s -T .)
cured=$(told --no-progress-meter -T .)
echo "with -s -T -: ${blocking:-nothing}"
echo "with -s -T .: $without"
echo "with --no-progress-meter -T .: ${cured:-nothing}"
[ -z "$blocking" ] && [[ $without == *"% Total"* ]] && [ -z "$cured" ]
