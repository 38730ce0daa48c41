#!/usr/bin/env bash
# Makes the certificates, keys, lists and containers of src/pki's tests with the openssl program, an
# implementation of certificate authorities that is not ours. The files are kept; run this again,
# in an empty copy of the folder, only to add to them.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
from=20200101000000Z to=20500101000000Z

key() { # NAME BITS [exponent]
    openssl genpkey -quiet -algorithm RSA -pkeyopt "rsa_keygen_bits:$2" \
        -pkeyopt "rsa_keygen_pubexp:${3:-65537}" -out "$work/$1.key" 2>/dev/null
}

# cert NAME SUBJECT KEY ISSUER(- for itself) EXTENSIONS... ; FROM, TO, MD from the environment
cert() {
    local name=$1 subject=$2 key=$3 issuer=$4 conf=$work/$1.conf db=$work/$1.db
    shift 4
    mkdir -p "$db" && : >"$db/index" && openssl rand -hex 8 >"$db/serial"
    printf '%s\n' "[ca]" "default_ca=a" "[a]" "database=$db/index" "serial=$db/serial" \
        "new_certs_dir=$db" "policy=p" "unique_subject=no" "email_in_dn=no" "preserve=yes" \
        "[p]" "C=optional" "O=optional" "OU=optional" "CN=optional" \
        "[req]" "distinguished_name=dn" "string_mask=utf8only" "[dn]" "[e]" "$@" >"$conf"
    openssl req -new -utf8 -config "$conf" -key "$work/$key.key" -subj "$subject" \
        -out "$work/$name.csr"
    local sign=(-selfsign -keyfile "$work/$key.key")
    [ "$issuer" = - ] ||
        sign=(-cert "$issuer.pem" -keyfile "$work/$(cat "$work/$issuer.keyname").key")
    openssl ca -batch -notext -config "$conf" "${sign[@]}" -md "${MD:-sha256}" -extensions e \
        -startdate "${FROM:-$from}" -enddate "${TO:-$to}" -in "$work/$name.csr" -out "$name.pem" \
        2>"$work/log" || { cat "$work/log" >&2; exit 1; }
    echo "$key" >"$work/$name.keyname"
}

ca="basicConstraints=critical,CA:TRUE"
leaf="basicConstraints=critical,CA:FALSE"
sign="keyUsage=critical,keyCertSign,cRLSign"
use="keyUsage=critical,digitalSignature"
ids="subjectKeyIdentifier=hash"

for k in root inter sub leaf leaf2 other; do key $k 2048; done
key small 512
key three 2048 3
key edge 1024
openssl ecparam -name prime256v1 -genkey -noout -out "$work/ec.key"

cert root "/C=LV/O=Lab/CN=Root" root - "$ca" "$sign" "$ids"
cert inter "/C=LV/O=Lab/CN=Intermediate" inter root "$ca,pathlen:0" "$sign" "$ids"
cert other "/C=LV/O=Elsewhere/CN=Root" other - "$ca" "$sign" "$ids"
cert leaf "/C=LV/O=Lab/CN=gw-a" leaf root "$leaf" "$use" \
    "subjectAltName=IP:192.0.2.1,IP:2001:db8::1,DNS:gw-a.example,email:Ops@gw.example"
cert deep "/C=LV/O=Lab/CN=gw-b" leaf2 inter "$leaf" "$use"
FROM=20100101000000Z TO=20200102000000Z cert expired "/C=LV/O=Lab/CN=expired" leaf root \
    "$leaf" "$use"
FROM=20450101000000Z cert future "/C=LV/O=Lab/CN=future" leaf root "$leaf" "$use"
cert usage "/C=LV/O=Lab/CN=usage" leaf root "$leaf" "keyUsage=critical,keyEncipherment"
cert purpose "/C=LV/O=Lab/CN=purpose" leaf root "$leaf" "$use" "extendedKeyUsage=codeSigning"
cert ike "/C=LV/O=Lab/CN=ike" leaf root "$leaf" "$use" \
    "extendedKeyUsage=codeSigning,1.3.6.1.5.5.7.3.17"
cert stranger "/C=LV/O=Lab/CN=gw-a" leaf2 other "$leaf" "$use"
cert self "/C=LV/O=Lab/CN=self" leaf - "$leaf" "$use"
cert plain "/C=LV/O=Lab/CN=plain" leaf root "$leaf"
# issued by one that may not, and by one that may issue no further authority
cert byleaf "/C=LV/O=Lab/CN=byleaf" leaf2 leaf "$leaf" "$use"
cert sub "/C=LV/O=Lab/CN=Sub" sub inter "$ca" "$sign"
cert long "/C=LV/O=Lab/CN=long" leaf sub "$leaf" "$use"
# a usage that allows signing certificates is not enough without basicConstraints
cert nobasic "/C=LV/O=Lab/CN=NoBasic" sub root "keyUsage=critical,keyCertSign"
cert bynobasic "/C=LV/O=Lab/CN=bynobasic" leaf nobasic "$leaf" "$use"
cert named "/C=LV/O=Lab/CN=Named" sub root "$ca" "$sign" \
    "nameConstraints=critical,permitted;DNS:example,permitted;IP:192.0.2.0/255.255.255.0"
cert inside "/C=LV/O=Lab/CN=inside" leaf named "$leaf" "$use" "subjectAltName=DNS:a.example"
cert outside "/C=LV/O=Lab/CN=outside" leaf named "$leaf" "$use" "subjectAltName=DNS:a.test"
cert outsideip "/C=LV/O=Lab/CN=outsideip" leaf named "$leaf" "$use" "subjectAltName=IP:198.51.100.1"
cert revoked "/C=LV/O=Lab/CN=revoked" leaf root "$leaf" "$use"
MD=md5 cert md5 "/C=LV/O=Lab/CN=md5" leaf root "$leaf" "$use"
MD=sha1 cert sha1 "/C=LV/O=Lab/CN=sha1" leaf root "$leaf" "$use"
cert critical "/C=LV/O=Lab/CN=critical" leaf root "$leaf" "$use" "1.2.3.4.5=critical,DER:0500"
cert small "/C=LV/O=Lab/CN=small" small root "$leaf" "$use"
cert three "/C=LV/O=Lab/CN=three" three root "$leaf" "$use"
cert edge "/C=LV/O=Lab/CN=edge" edge root "$leaf" "$use"
cert ecleaf "/C=LV/O=Lab/CN=ecleaf" ec root "$leaf" "$use"
cert ecroot "/C=LV/O=Lab/CN=EcRoot" ec - "$ca" "$sign"
cert byec "/C=LV/O=Lab/CN=byec" leaf ecroot "$leaf" "$use"
cert wildcard "/C=LV/O=Lab/CN=wildcard" leaf root "$leaf" "$use" "subjectAltName=DNS:*.example"
# dNSName "gw-a.example" NUL ".test"
cert nul "/C=LV/O=Lab/CN=nul" leaf root "$leaf" "$use" \
    "subjectAltName=DER:3014821267772d612e6578616d706c65002e74657374"
# the same name in another case, with more blanks and another string type
cert case "/C=lv/O=LAB/CN=GW-A" leaf root "$leaf" "$use"
openssl req -new -x509 -days 36500 -key "$work/root.key" -subj "/C=LV/O=Lab/CN=Old" \
    -set_serial 1 -config <(printf '[req]\ndistinguished_name=dn\n[dn]\n') -out old.pem 2>/dev/null

# The signature of leaf.pem with its last bit turned.
openssl x509 -in leaf.pem -outform DER -out "$work/leaf.der"
/usr/bin/python3 - "$work/leaf.der" "$work/broken.der" <<'PY'
import sys
data = bytearray(open(sys.argv[1], "rb").read())
data[-1] ^= 1
open(sys.argv[2], "wb").write(data)
PY
openssl x509 -inform DER -in "$work/broken.der" -out broken.pem

# Revocation lists of root: current, empty, stale, and one whose signature is damaged.
crl() { # NAME KEY last next
    local db=$work/$1.crldb
    mkdir -p "$db" && : >"$db/index" && echo 01 >"$db/number"
    printf '%s\n' "[ca]" "default_ca=a" "[a]" "database=$db/index" "crlnumber=$db/number" \
        "default_md=sha256" "unique_subject=no" "[e]" >"$db/conf"
    [ "$1" = crl-empty ] || openssl ca -config "$db/conf" -cert root.pem -keyfile "$work/root.key" \
        -revoke revoked.pem 2>/dev/null
    openssl ca -config "$db/conf" -gencrl -cert root.pem -keyfile "$work/$2.key" \
        -crl_lastupdate "$3" -crl_nextupdate "$4" -out "$1.pem" 2>/dev/null
}
crl crl root 20200101000000Z 20490101000000Z
crl crl-empty root 20200101000000Z 20490101000000Z
crl crl-stale root 20200101000000Z 20210101000000Z
openssl crl -in crl.pem -outform DER | head -c -1 >"$work/forged" && printf '\0' >>"$work/forged"
openssl crl -inform DER -in "$work/forged" -out crl-forged.pem

# Keys, in every wrapping.
cp "$work/leaf.key" leaf.key
cp "$work/leaf2.key" leaf2.key
cp "$work/root.key" root.key
cp "$work/inter.key" inter.key
openssl rsa -traditional -in leaf.key -out leaf-pkcs1.key 2>/dev/null
openssl rsa -traditional -des3 -passout pass:secret -in leaf.key -out leaf-des3.key 2>/dev/null
openssl rsa -traditional -des -passout pass:secret -provider legacy -provider default -in leaf.key \
    -out leaf-des.key 2>/dev/null
openssl rsa -traditional -aes256 -passout pass:secret -in leaf.key -out leaf-aes.key 2>/dev/null
openssl pkcs8 -topk8 -v2 aes-256-cbc -passout pass:secret -in leaf.key -out leaf-pbes2.key
openssl pkcs8 -topk8 -scrypt -passout pass:secret -in leaf.key -out leaf-scrypt.key
openssl pkcs8 -topk8 -v1 PBE-MD5-DES -provider legacy -provider default -passout pass:secret \
    -in leaf.key -out leaf-pbes1.key
openssl pkcs8 -topk8 -v2 aes-256-cbc -iter 3000000 -passout pass:secret -in leaf.key \
    -out leaf-slow.key
openssl pkcs8 -topk8 -nocrypt -outform DER -in leaf.key -out leaf.key.der
openssl x509 -in leaf.pem -outform DER -out leaf.der
openssl ec -in "$work/ec.key" -out ec.key 2>/dev/null
cp "$work/small.key" small.key
openssl pkcs12 -export -in leaf.pem -inkey leaf.key -certfile root.pem -name gw \
    -passout pass:secret -out leaf.p12
openssl pkcs12 -export -legacy -in leaf.pem -inkey leaf.key -certfile root.pem -name gw \
    -passout pass:secret -out leaf-legacy.p12
openssl pkcs12 -export -in leaf.pem -inkey leaf.key -passout pass: -out leaf-open.p12
openssl pkcs12 -export -in leaf.pem -inkey leaf.key -iter 3000000 -nomaciter \
    -passout pass:secret -out leaf-slow.p12
openssl req -new -key leaf2.key -subj "/C=LV/O=Lab/CN=asked" \
    -addext "subjectAltName=DNS:asked.example" -out asked.csr
cat leaf.pem root.pem leaf.key >bundle.pem
