"""The commands of a strongSwan daemon over its vici socket, where starting a program for each would
cost more than what is measured."""

import socket
import struct

CMD_REQUEST, CMD_RESPONSE = 0, 1
SECTION_START, SECTION_END, KEY_VALUE, LIST_START, LIST_ITEM, LIST_END = range(1, 7)


def _name(text):
    return struct.pack("!B", len(text)) + text.encode()


def _value(text):
    return struct.pack("!H", len(text)) + text.encode()


def message(content):
    """Nested dicts are sections, lists are lists, the rest is text."""
    out = b""
    for key, value in content.items():
        if isinstance(value, dict):
            out += bytes([SECTION_START]) + _name(key) + message(value) + bytes([SECTION_END])
        elif isinstance(value, list):
            out += bytes([LIST_START]) + _name(key)
            out += b"".join(bytes([LIST_ITEM]) + _value(item) for item in value)
            out += bytes([LIST_END])
        else:
            out += bytes([KEY_VALUE]) + _name(key) + _value(str(value))
    return out


class Vici:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(60)
        self.socket.connect(path)

    def request(self, command, content):
        """Gives the raw answer; the caller finds success=yes in it or does not care."""
        packet = bytes([CMD_REQUEST]) + _name(command) + message(content)
        self.socket.sendall(struct.pack("!I", len(packet)) + packet)
        answer = self._read(struct.unpack("!I", self._read(4))[0])
        assert answer[0] == CMD_RESPONSE, f"{command}: {answer!r}"
        return answer[1:]

    def must(self, command, content):
        answer = self.request(command, content)
        assert b"success" + _value("yes") in answer, f"{command}: {answer!r}"

    def _read(self, count):
        data = b""
        while len(data) < count:
            chunk = self.socket.recv(count - len(data))
            assert chunk, "the daemon closed its vici socket"
            data += chunk
        return data

    def close(self):
        self.socket.close()
