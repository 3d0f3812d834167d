"""A daemon of its own for a bench, asked through its API."""

import json
import struct
import subprocess
import time
import urllib.request

LIMIT = 120  # seconds for one answer


def npy_head(kind, shape):
    """The beginning of a .npy file, by its specification (version 1)."""
    head = (f"{{'descr': '{kind}', 'fortran_order': False, "
            f"'shape': {tuple(shape)!r}, }}").encode()
    head += b" " * (-(len(head) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head


class Daemon:
    """To be used in a with statement, which ends it."""

    def __init__(self, program, database, *options):
        self.process = subprocess.Popen(
            [program, "--listen", "127.0.0.1:0", "--log-level", "error",
             "--database", database, *options],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.url = self.process.stdout.readline().split()[-1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def ask(self, method, path, body=None, kind="application/json"):
        """What is answered: JSON, or text where it is not that."""
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, body,
                                         {"Content-Type": kind}, method=method)
        with urllib.request.urlopen(request, timeout=LIMIT) as answer:
            text = answer.read().decode()
        kind = answer.headers.get_content_type()
        return json.loads(text) if kind == "application/json" else text

    def upload(self, name, inputs, targets):
        """Two .npy files become a dataset."""
        body = b"".join(
            (f'--b\r\nContent-Disposition: form-data; name="{part}"; '
             f'filename="{part}.npy"\r\n\r\n').encode() + file + b"\r\n"
            for part, file in (("inputs", inputs), ("targets", targets)))
        self.ask("PUT", f"/v1/datasets/{name}", body + b"--b--\r\n",
                 "multipart/form-data; boundary=b")

    def network(self, name, n_in, units, hidden, last, loss):
        layers = [{"type": "dense", "units": n, "activation": hidden}
                  for n in units]
        layers[-1]["activation"] = last
        self.ask("POST", "/v1/networks", {
            "name": name, "input_shape": [n_in], "layers": layers,
            "loss": loss, "seed": 1})

    def train(self, **spec):
        """The history of a job, once it has ended."""
        job = self.ask("POST", "/v1/jobs", spec)["id"]
        while self.ask("GET", f"/v1/jobs/{job}")["status"] in ("queued",
                                                               "running"):
            time.sleep(0.02)
        return self.ask("GET", f"/v1/jobs/{job}/history?limit=1000")["data"]
