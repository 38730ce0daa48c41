#!/usr/bin/python3
"""Writes the first inputs of fuzz/corpus/ike (format: fuzz_ike.c): exchanges that go well, each
followed by something unusual, and the recorded first messages of other implementations.

    /usr/bin/python3 fuzz/seeds_ike.py
"""
import pathlib
import re

HERE = pathlib.Path(__file__).parent
CORPUS = HERE / "corpus" / "ike"
A, B, C = 0, 1, 2
(DELIVER, LOSE, DAMAGE, CHANGE, KEEP, AGAIN, DAMAGE_OLD, CHANGE_OLD, RUN, _, TIMER, TIME, ACQUIRE,
 JOB, CONFIG, EVENT, RAW, MADE_UP, _, TOLD, _, KILL, RESTART, STRAY) = range(24)
(FLIP, LENGTH, TYPE, REMOVE, TWICE, INSERT, BODY, MOVE, HEADER, CUT, FILL) = range(11)
SOFT, HARD, FLUSHED, FIRST_PACKET = range(4)
PLAIN = bytes(4)


def up(engine=A, policy=7):
    return bytes([ACQUIRE, engine, policy - 7, RUN])


def seconds(s):
    """As many milliseconds, about, as one step can say."""
    shift = max(0, (s * 1000 // 256).bit_length())
    return bytes([TIME, s * 1000 >> shift, shift])


def steps(n):
    """Jobs and messages one by one."""
    return bytes([JOB, A, 0, JOB, B, 0, DELIVER, 0]) * n


def counted(body):
    return (bytes([len(body)]) if len(body) < 0xf0
            else bytes([0xf0 | len(body) >> 8, len(body) & 255])) + body


def sa_quick(spi, protocol=3, transform=12, transforms=1):
    attrs = bytes.fromhex("80010001800207088004000180050002") + \
        (bytes.fromhex("80060080") if transform == 12 else b"")
    t = b"".join(bytes([3 if i + 1 < transforms else 0, 0]) + (8 + len(attrs)).to_bytes(2, "big")
                 + bytes([i + 1, transform, 0, 0]) + attrs for i in range(transforms))
    p = bytes([0, 0]) + (12 + len(t)).to_bytes(2, "big") + bytes([1, protocol, 4, transforms]) \
        + spi.to_bytes(4, "big") + t
    return bytes.fromhex("0000000100000001") + p


def made_up(payloads, engine=B, quick=True, message_id=0x77):
    return bytes([MADE_UP, engine, 0, (2 if quick else 0) | (len(payloads) - 1) << 4, message_id]) \
        + b"".join(bytes([t]) + counted(b) for t, b in payloads)


NONCE = (10, bytes(range(16)))
ID_C, ID_R = (5, bytes.fromhex("040000000a010000ffffff00")), \
    (5, bytes.fromhex("040000000a020000ffffff00"))

SEEDS = {
    "up": PLAIN + up(),
    "up-back": PLAIN + up(B),
    "up-behind-nat": PLAIN + up(C, 9) + up(A, 7),
    "up-nat-named-back": PLAIN + up(C, 9) + bytes([EVENT, B, SOFT, 0, TIMER, RUN]),
    "up-all": PLAIN + up(A, 7) + up(A, 8) + up(B, 9) + up(C, 9),
    "one-by-one": PLAIN + bytes([ACQUIRE, A, 0]) + steps(14),
    "both-at-once": PLAIN + bytes([ACQUIRE, A, 0, ACQUIRE, B, 0]) + steps(24) + bytes([RUN]),
    "md5-3des-768-pfs": bytes([0x0d, 0x10, 0, 0]) + up(),
    "des-ec2n-pfs": bytes([0x12, 0x30, 0, 0]) + up(),
    "ah": bytes([0, 0, 1, 0]) + up(),
    "ah-and-esp": bytes([0, 0, 2, 0]) + up(),
    "ah-and-esp-transport": bytes([0, 0x02, 6, 0]) + up(),
    "strict": bytes([0, 0x03, 0, 0]) + up() + bytes([CONFIG, A, 3, 90]) + up(),
    "claim": bytes([0, 0x00, 0, 0]) + bytes([CONFIG, B, 3, 60, CONFIG, B, 4, 200]) + up(),
    "renewal-phase-2": PLAIN + up() + bytes([EVENT, A, SOFT, 0, TIMER, RUN, EVENT, A, HARD, 1,
                                             RUN]),
    "renewal-phase-1": PLAIN + bytes([CONFIG, A, 15, 100]) + up() + seconds(85) + bytes([RUN])
    + seconds(25) + bytes([RUN]),
    "bytes-of-phase-1": PLAIN + bytes([CONFIG, A, 16, 4]) + up() + bytes([EVENT, A, SOFT, 0, TIMER,
                                                                          RUN]) * 4,
    "flush": PLAIN + up() + bytes([EVENT, A, FLUSHED, 0, RUN]),
    "first-packet": PLAIN + bytes([ACQUIRE, A, 0]) + steps(9) + bytes([EVENT, B, FIRST_PACKET, 0,
                                                                       RUN]),
    "dead-peer": PLAIN + up() + (seconds(125) + bytes([LOSE, 0, LOSE, 0])) * 3 + seconds(60),
    "peer-lives": PLAIN + up() + (seconds(125) + bytes([RUN])) * 3,
    "lost": PLAIN + bytes([ACQUIRE, A, 0]) + bytes([LOSE, 0, TIMER]) * 7 + bytes([RUN]),
    "twice": PLAIN + bytes([ACQUIRE, A, 0]) + bytes([KEEP, 0, JOB, A, 0, JOB, B, 0, DELIVER, 0,
                                                     JOB, A, 0, JOB, B, 0]) * 9 + bytes([AGAIN, 5]),
    "restart": PLAIN + up() + bytes([RESTART, B]) + up() + bytes([RESTART, A]) + up(A)
    + seconds(130) + bytes([RUN]),
    "kill": PLAIN + up() + bytes([KILL, A, RUN]) + up(B) + bytes([KILL, B, RUN]),
    "no-policy": PLAIN + bytes([CONFIG, B, 5, 0]) + up() + seconds(3) + up(),
    "policy-gone-meanwhile": PLAIN + bytes([ACQUIRE, A, 0]) + steps(9) + bytes([CONFIG, B, 5, 0,
                                                                               RUN]),
    "peer-gone": PLAIN + up() + bytes([CONFIG, B, 6, 0, RUN]) + up(),
    "proposal-gone": PLAIN + bytes([CONFIG, B, 7, 0]) + up() + bytes([CONFIG, A, 7, 0]) + up(A, 8),
    "secret-differs": PLAIN + bytes([CONFIG, A, 8, 1]) + up() + seconds(70) + bytes([RUN]),
    "pfs-differs": PLAIN + bytes([CONFIG, A, 1, 1, CONFIG, B, 1, 2, CONFIG, B, 9, 1]) + up(),
    "passive": PLAIN + bytes([CONFIG, A, 11, 1]) + up() + up(B),
    "moved": PLAIN + up() + bytes([EVENT, A, SOFT, 0, TIMER, DAMAGE, 0, 16, 2, RUN]),
    "told": PLAIN + up() + b"".join(bytes([TOLD, B, 0, what, what + 1, RUN])
                                    for what in (0, 2, 4, 6, 8, 10, 12, 14, 16, 17, 1)),
    "told-damaged": PLAIN + up() + bytes([TOLD, B, 0, 0x20, 1, FLIP, 0, 8, 1, TOLD, B, 0, 0x21, 2,
                                          LENGTH, 1, 0, 9]),
    "quick": PLAIN + up() + made_up([(1, sa_quick(0x1234)), NONCE, ID_C, ID_R]) + bytes([RUN]),
    "quick-without-ids": PLAIN + up() + made_up([(1, sa_quick(0x1234)), NONCE]),
    "quick-reserved-spi": PLAIN + up() + made_up([(1, sa_quick(12)), NONCE, ID_C, ID_R]),
    "quick-ipcomp": PLAIN + up() + made_up([(1, sa_quick(0x1234, 4, 2)), NONCE, ID_C, ID_R]),
    "quick-many-transforms": PLAIN + up() + made_up([(1, sa_quick(0x1234, transforms=40)), NONCE,
                                                     ID_C, ID_R]),
    "delete-many": PLAIN + up() + made_up([(12, bytes.fromhex("0000000103040040")
                                            + bytes(range(256)))], quick=False),
    "notify-twice": PLAIN + up() + made_up([(11, bytes.fromhex("000000010100000e"))] * 2,
                                           quick=False),
    "odd-payload": PLAIN + up() + made_up([(200, b"xyz"), (13, b"")], quick=False),
}

for mode, name in ((2, "aggressive"), (4, "base")):
    SETUP = bytes([0, 0, 0, mode])
    SEEDS[name] = SETUP + up()
    SEEDS[f"{name}-behind-nat"] = SETUP + up(C, 9) + up(A, 7)
    SEEDS[f"{name}-both-at-once"] = SETUP + bytes([ACQUIRE, A, 0, ACQUIRE, B, 0]) + steps(24)
    SEEDS[f"{name}-secret-differs"] = SETUP + bytes([CONFIG, A, 8, 1]) + up() + seconds(70)
    SEEDS[f"{name}-mode-differs"] = SETUP + bytes([CONFIG, B, 20, 0]) + up() + seconds(9)
SEEDS["stray"] = PLAIN + up() + bytes([STRAY, B, 1, RUN]) + seconds(40) + bytes([RESTART, B,
                                                                                STRAY, B, 2, RUN])

for kind in range(11):
    change = {FLIP: [0, 4, 1], LENGTH: [0, 0, 3], TYPE: [0, 200], INSERT: [1, 13, 4, 1, 2, 3, 4],
              BODY: [1, 4, 1, 2, 3, 4], MOVE: [0, 1], HEADER: [0, 18, 5], CUT: [0, 2],
              FILL: [0, 8, 40, 4, 0, 2, 0, 4]}.get(kind, [0])
    for place in range(8):
        SEEDS[f"change-{kind}-{place}"] = PLAIN + bytes([ACQUIRE, A, 0]) + steps(place) \
            + bytes([CHANGE, 0, 0, kind] + change) + bytes([RUN]) + seconds(5) + bytes([RUN])

# First messages as recorded: racoon's and another's.
for header in ("tests/sim/recorded_messages.h", "src/crypto/recorded_rub.h"):
    text = re.sub(r'"\s+"', "", (HERE.parent / header).read_text())
    for i, wire in enumerate(re.findall(r'"([0-9a-f]{16}0{16}[0-9a-f]+)"', text)):
        SEEDS[f"recorded-{pathlib.Path(header).stem}-{i}"] = PLAIN \
            + bytes([RAW, B, 0]) + counted(bytes.fromhex(wire)) + bytes([RUN])

CORPUS.mkdir(parents=True, exist_ok=True)
for name, data in SEEDS.items():
    (CORPUS / name).write_bytes(data)
