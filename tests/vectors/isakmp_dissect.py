#!/usr/bin/python3
"""Writes what tshark makes of the messages in isakmp_messages.txt beside them, as the expected
values of src/wire/isakmp_vectors_test.c. Run it after adding a message; needs text2pcap and tshark.

    /usr/bin/python3 tests/vectors/isakmp_dissect.py
"""
import pathlib
import subprocess
import sys
import tempfile
import textwrap
import xml.etree.ElementTree as ET

FILE = pathlib.Path(__file__).parent / "isakmp_messages.txt"
HEADERS = 14 + 20 + 8  # what text2pcap puts before the message


class Fields:
    """The fields of one PDML element, without the prefix isakmp."""

    def __init__(self, element):
        self.children = element.findall("field")

    def all(self, name):
        return [f for f in self.children if f.get("name") == "isakmp." + name]

    def hex(self, name):
        found = self.all(name)
        return found[0].get("value") if found else ""

    def number(self, name):
        return int(self.hex(name), 16)

    def place(self, name):
        found = [f for f in self.all(name) if f.get("size") != "0"]
        return f"{int(found[0].get('pos')) - HEADERS}+{found[0].get('size')}" if found else "none"


def transform(element, prefix):
    """Attributes as they are, then what they mean by tshark's named fields."""
    f, meaning, unit = Fields(element), {}, None
    yield f"transform {f.number('trans.number')} id {f.number('trans.id')}"
    for attr in f.all(prefix + ".attr"):
        a = Fields(attr)
        kind = int(a.all(prefix + ".attr.type")[0].get("show"))
        form = a.all(prefix + ".attr.format")[0].get("show")
        value = a.hex(prefix + ".attr.value")
        yield f"attr {kind} {'tv' if form == '1' else 'tlv'} {value}"
        name, shown = [(c.get("name").split(".")[-1], c.get("show")) for c in a.children][-1]
        if name == "life_type":
            unit = shown
        elif name == "life_duration":
            meaning[{"1": "seconds", "2": "kilobytes"}[unit]] = shown
        else:
            meaning[name] = shown
    yield "means " + " ".join(f"{k}={meaning[k]}" for k in sorted(meaning))


def security_association(f):
    yield f" doi {f.number('sa.doi')} situation {f.number('sa.situation')}"
    for proposal in f.all("typepayload"):
        p = Fields(proposal)
        protocol = p.number("prop.protoid")
        yield (f"proposal {p.number('prop.number')} protocol {protocol}"
               f" spi {p.hex('spi') or 'none'} transforms {p.number('prop.transforms')}")
        for t in p.all("typepayload"):
            yield from transform(t, "ike" if protocol == 1 else "ipsec")


def payload(element):
    f, kind = Fields(element), int(element.get("show"))
    head = f"payload {kind} at {int(element.get('pos')) - HEADERS}+{f.number('payloadlength')}"
    if kind == 1:
        first, *rest = security_association(f)
        return [head + first, *rest]
    if kind == 5:
        return [head + f" type {f.number('id.type')} protocol {f.number('id.protoid')} port "
                f"{f.number('id.port')} data {f.place('id.data')}"]
    if kind == 6:
        return [head + f" encoding {f.number('cert.encoding')} data {f.place('cert.data')}"]
    if kind == 11:
        data = "notify.data" if f.all("notify.data") else "notify.data.dpd.are_you_there"
        return [head + f" doi {f.number('notify.doi')} protocol {f.number('notify.protoid')} type "
                f"{f.number('notify.msgtype')} spi {f.hex('spi') or 'none'} data {f.place(data)}"]
    if kind == 12:
        return [head + f" doi {f.number('delete.doi')} protocol {f.number('delete.protoid')} spis "
                + " ".join(s.get("value") for s in f.all("delete.spi"))]
    body = {4: "key_exchange.data", 8: "hash", 9: "sig", 10: "nonce", 13: "vid_bytes"}[kind]
    return [head + f" body {f.place(body)}"]


def dissection(proto):
    f = Fields(proto)
    yield (f"header {f.hex('ispi')} {f.hex('rspi')} next {f.number('nextpayload')} version "
           f"{f.hex('version')} exchange {f.number('exchangetype')} flags {f.hex('flags')} "
           f"message-id {f.hex('messageid')} length {f.number('length')}")
    for p in f.all("typepayload"):
        yield from payload(p)
    yield f"padding {f.place('extradata')}"


def pdml(messages):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "hex").write_text("".join("0 " + " ".join(textwrap.wrap(m, 2)) + "\n"
                                            for m in messages))
        subprocess.run(["text2pcap", "-q", "-u", "500,500", folder / "hex", folder / "pcap"],
                       check=True)
        out = subprocess.run(["tshark", "-r", folder / "pcap", "-T", "pdml"], check=True,
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    return [p for p in ET.fromstring(out).iter("proto") if p.get("name") == "isakmp"]


def main():
    comments, messages = [], []
    for line in FILE.read_text().splitlines():
        word, _, rest = line.partition(" ")
        if word == "#":
            comments.append(line)
        elif word == "message":
            messages.append([rest, ""])
        elif word == "hex":
            messages[-1][1] += rest
    protos = pdml([m[1] for m in messages])
    if len(protos) != len(messages):
        sys.exit("tshark found %d messages of %d" % (len(protos), len(messages)))
    with FILE.open("w") as out:
        out.write("\n".join(comments) + "\n")
        for (name, octets), proto in zip(messages, protos):
            out.write(f"\nmessage {name}\n")
            out.writelines(f"hex {part}\n" for part in textwrap.wrap(octets, 96))
            out.writelines(f"> {line}\n" for line in dissection(proto))


main()
