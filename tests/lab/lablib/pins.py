"""Pinned programs: which folder a daemon's are in, who owns it, and getting rid of it.

A daemon that was killed leaves its folder behind on purpose. Each run notes the folders its daemons
may make, before they do, in the file `pins` of its own folder; whoever removes the run removes
those."""

import os
import shutil

PIN_DIR = "/sys/fs/bpf/sallyport"
NOTE = "pins"
_WORD = (1 << 64) - 1
_KEY = (0x73616C6C79, 0x706F7274)


def _rotate(x, bits):
    return (x << bits | x >> (64 - bits)) & _WORD


def siphash(key, data):
    """SipHash-2-4 (Aumasson and Bernstein, 2012)."""
    v = [key[0] ^ 0x736F6D6570736575, key[1] ^ 0x646F72616E646F6D,
         key[0] ^ 0x6C7967656E657261, key[1] ^ 0x7465646279746573]

    def rounds(n):
        for _ in range(n):
            for a, b, turn in ((0, 1, 13), (2, 3, 16)):
                v[a] = (v[a] + v[b]) & _WORD
                v[b] = _rotate(v[b], turn) ^ v[a]
            v[0] = _rotate(v[0], 32)
            for a, b, turn in ((2, 1, 17), (0, 3, 21)):
                v[a] = (v[a] + v[b]) & _WORD
                v[b] = _rotate(v[b], turn) ^ v[a]
            v[2] = _rotate(v[2], 32)

    whole = len(data) & ~7
    words = [data[i:i + 8] for i in range(0, whole, 8)]
    last = data[whole:].ljust(7, b"\0") + bytes([len(data) & 0xFF])
    for word in (*words, last):
        m = int.from_bytes(word, "little")
        v[3] ^= m
        rounds(2)
        v[0] ^= m
    v[2] ^= 0xFF
    rounds(4)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def folder_of(state):
    """Where a daemon with this state folder pins: the name is the daemon's, from the folder's."""
    return f"{PIN_DIR}/{siphash(_KEY, os.path.realpath(state).encode()):016x}"


def note(run_folder, pins):
    """The run of RUN_FOLDER owns PINS from here on."""
    with open(os.path.join(run_folder, NOTE), "a", encoding="ascii") as f:
        f.write(pins + "\n")


def noted(run_folder):
    try:
        with open(os.path.join(run_folder, NOTE), encoding="ascii") as f:
            return sorted(p for p in set(f.read().split()) if p.startswith(PIN_DIR + "/"))
    except FileNotFoundError:
        return []


def remove(pins):
    shutil.rmtree(pins, ignore_errors=True)
