"""A strongSwan charon in a gateway's namespace: a real IKEv1 peer of another make. Its userspace
ESP takes UDP encapsulation alone, so here it is a witness of the exchanges, not of ESP."""

import os
import signal
import subprocess
import time

CHARON, SWANCTL = "/usr/sbin/charon-systemd", "/usr/sbin/swanctl"
PLUGINS = ("random nonce aes des sha1 sha2 md5 hmac kdf gmp openssl pem pkcs1 x509 constraints "
           "kernel-libipsec kernel-netlink socket-default vici updown")


def installed():
    return os.path.exists(CHARON) and os.path.exists(SWANCTL)


class StrongSwan:
    def __init__(self, ns, folder):
        self.ns, self.folder = ns, folder
        os.makedirs(folder, exist_ok=True)
        self.vici = f"unix://{folder}/vici"
        self.log_path = f"{folder}/log"
        with open(f"{folder}/strongswan.conf", "w", encoding="ascii") as f:
            f.write(f"""charon-systemd {{
  load = {PLUGINS}
  plugins {{
    vici {{
      socket = {self.vici}
    }}
    kernel-libipsec {{
      load = yes
      allow_peer_ts = yes
    }}
    kernel-netlink {{
      fwmark = !0x42
    }}
    socket-default {{
      fwmark = 0x42
    }}
  }}
}}
""")
        environment = dict(os.environ, STRONGSWAN_CONF=f"{folder}/strongswan.conf")
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(ns.argv([CHARON]), env=environment, stdout=log,
                                            stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + 10
        while not os.path.exists(f"{folder}/vici") and time.monotonic() < deadline:
            time.sleep(0.05)

    def swanctl(self, *args, timeout=15):
        done = subprocess.run([SWANCTL, *args, "--uri", self.vici], timeout=timeout,
                              capture_output=True, text=True, check=False)
        return done.stdout + done.stderr

    def connection(self, local, remote, local_ts, remote_ts, ike, esp, secret):
        path = f"{self.folder}/swanctl.conf"
        with open(path, "w", encoding="ascii") as f:
            f.write(f"""connections {{
  lab {{
    version = 1
    local_addrs = {local}
    remote_addrs = {remote}
    proposals = {ike}
    local {{
      auth = psk
      id = {local}
    }}
    remote {{
      auth = psk
      id = {remote}
    }}
    children {{
      net {{
        mode = tunnel
        local_ts = {local_ts}
        remote_ts = {remote_ts}
        esp_proposals = {esp}
      }}
    }}
  }}
}}
secrets {{
  ike-1 {{
    secret = "{secret}"
    id-1 = {remote}
  }}
}}
""")
        answer = self.swanctl("--load-all", "--file", path)
        assert "loaded connection 'lab'" in answer, answer

    def close(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
