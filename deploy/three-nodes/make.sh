#!/bin/sh
# Makes all that three machines need for one Chat-Room: certificates, passwords, configurations. Run it once, anywhere
# but on the three machines, with openssl:
#
#     make.sh FOLDER NAME=HOST NAME=HOST NAME=HOST
#
# NAME is the node's name; HOST is the name or IPv4 address under which the other two machines reach it.
set -eu
umask 077
here=$(dirname "$0")

fail() {
    echo "make.sh: $*" >&2
    exit 1
}

[ $# -eq 4 ] || fail "usage: make.sh FOLDER NAME=HOST NAME=HOST NAME=HOST"
command -v openssl >/dev/null || fail "there is no openssl here"
to=$1
shift

names=" " hosts=" "
for machine; do
    name=${machine%%=*} host=${machine#*=}
    case $name in
        "$machine" | "" | *[!A-Za-z0-9-]*)
            fail "$machine: should be NAME=HOST, and NAME of letters, digits and hyphens, such as m1=192.0.2.1" ;;
    esac
    [ ${#name} -le 32 ] || fail "$name: a NAME has at most 32 characters"
    case $host in
        "" | *[!A-Za-z0-9.-]*) fail "$machine: HOST should be a name or an IPv4 address" ;;
    esac
    case $names in *" $name "*) fail "$name: two machines have this name" ;; esac
    case $hosts in *" $host "*) fail "$host: two machines have this host" ;; esac
    names="$names$name " hosts="$hosts$host "
done

[ ! -e "$to" ] || fail "$to: exists, and nothing is overwritten; name another folder"
mkdir "$to"
trap 'rm -rf "$to"' EXIT

# The authority. Only the brokers get certificates of it.
cat >"$to/openssl.cnf" <<'cnf'
[req]
distinguished_name = subject
prompt = no
x509_extensions = authority
[subject]
CN = Chat-Room brokers
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
cnf
openssl ecparam -name prime256v1 -genkey -noout -out "$to/ca.key"
openssl req -x509 -new -config "$to/openssl.cnf" -key "$to/ca.key" -days 3650 -out "$to/ca.pem"

keeper=$(openssl rand -hex 32) node=$(openssl rand -hex 32)
printf 'user keeper\npassword %s\n' "$keeper" >"$to/keeper.credentials"

for machine; do
    name=${machine%%=*} host=${machine#*=}
    others=
    for other in $hosts; do
        [ "$other" = "$host" ] || others="$others $other"
    done
    # Its first and its second word.
    other1=${others% *} other1=${other1# } other2=${others##* }
    folder=$to/$name
    mkdir "$folder"
    cp "$to/ca.pem" "$here/nats.service" "$folder"
    cp "$here/../chat-room.service" "$here/../logrotate" "$here/../sysctl.conf" "$folder"
    # In a file, because anybody on this machine can read the arguments of a program.
    cat >"$to/fill.sed" <<sed
s/@NAME@/$name/g
s/@HOST@/$host/g
s/@OTHER1@/$other1/g
s/@OTHER2@/$other2/g
s/@KEEPER@/$keeper/
s/@NODE@/$node/
sed
    for file in nats.conf node.conf; do
        sed -f "$to/fill.sed" "$here/$file" >"$folder/$file"
    done
    printf 'user node\npassword %s\n' "$node" >"$folder/node.credentials"

    case $host in
        *[!0-9.]*) kind=DNS ;;
        *) kind=IP ;;
    esac
    # To nodes and to the brokers that connect, a broker is a server; to those it connects to, a client.
    cat >"$to/broker.cnf" <<cnf
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth, clientAuth
subjectAltName = $kind:$host
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
cnf
    openssl ecparam -name prime256v1 -genkey -noout -out "$folder/broker.key"
    openssl req -new -config "$to/openssl.cnf" -key "$folder/broker.key" -subj "/CN=$name" -out "$to/broker.csr"
    openssl x509 -req -in "$to/broker.csr" -CA "$to/ca.pem" -CAkey "$to/ca.key" -set_serial "0x$(openssl rand -hex 8)" \
        -days 3650 -extfile "$to/broker.cnf" -out "$folder/broker.pem" 2>/dev/null
done
rm "$to/fill.sed" "$to/openssl.cnf" "$to/broker.cnf" "$to/broker.csr"
trap - EXIT

echo "Copy to each machine its folder, and nothing else of $to:"
for machine; do
    echo "    scp -r $to/${machine%%=*} root@${machine#*=}:node"
done
echo "README.md says what to do there, and who may have the rest."
