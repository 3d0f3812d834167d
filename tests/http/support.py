"""What the tests share: a daemon, a client, and ways to wait without sleeping."""

import base64
import contextlib
import functools
import gzip
import hashlib
import http.client
import json
import math
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import tempfile
import time

HEAVY = os.environ.get("HEAVY_TESTS") == "1"
DAEMON = os.environ.get("BACKPROPD", "")


def measure_slowness():
    """How many times slower than a plain build the daemon may be."""
    if "BP_SLOW" in os.environ:
        return float(os.environ["BP_SLOW"])
    if not DAEMON:
        return 1.0
    told = subprocess.run([DAEMON, "--version"], capture_output=True, text=True)
    if "fsanitize=thread" in told.stdout:
        return 15.0
    return 6.0 if "fsanitize" in told.stdout else 1.0


SLOW = measure_slowness()

# A time as API.md has it: RFC 3339, UTC, milliseconds.
TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
SANITIZER = re.compile(
    r"(AddressSanitizer|LeakSanitizer|ThreadSanitizer|runtime error:).*")


def wait_until(condition, seconds=20, what="it"):
    """Poll until condition() is true; its value."""
    deadline = time.monotonic() + seconds * SLOW
    pause = 0.001
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(pause)
        pause = min(pause * 1.5, 0.05)


# --- the client --------------------------------------------------------------

class Answer:
    """A response: status, headers (any case), body, and what is in it."""

    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def json(self):
        # NaN and Infinity never appear in JSON.
        def refuse(word):
            raise AssertionError(f"{word} in {self.body[:400]}")
        return json.loads(self.body, parse_constant=refuse)

    @property
    def pointers(self):
        """Where the body is wrong."""
        return [x.get("pointer") for x in self.json.get("errors", [])]

    @property
    def place(self):
        """Line and column of the first thing that is wrong."""
        error = self.json["errors"][0]
        return error.get("line"), error.get("column")

    def __repr__(self):
        return f"<{self.status} {self.body[:600].decode('utf-8', 'replace')}>"


# What is not JSON: metrics and the dashboard's files.
PAGES = ("text/plain; version=0.0.4", "text/html", "text/css",
         "text/javascript", "image/", "application/vnd.sqlite3")


def check_answer(method, answer, path=""):
    """What holds for every response there is."""
    assert re.fullmatch(r"[A-Za-z0-9._-]{1,64}",
                        answer.headers["X-Request-Id"] or ""), answer
    if answer.status == 204 or method == "HEAD":
        assert answer.body == b"", answer
    elif answer.status < 400:
        if path.startswith("/v2") and not answer.body:
            return  # "ready" is said by the status alone
        if answer.headers["Content-Type"].startswith(PAGES):
            return
        assert answer.headers["Content-Type"].startswith("application/json")
        answer.json
    elif path.startswith(("/v2", "/v1/models")) and set(answer.json) == {
            "error"}:
        # As the servers whose protocol it is say it.
        assert isinstance(answer.json["error"], str), answer
        assert answer.status != 500, answer
    else:
        check_problem(answer)


def check_problem(answer):
    """RFC 9457, with our members."""
    assert answer.headers["Content-Type"].startswith(
        "application/problem+json"), answer
    problem = answer.json
    assert problem["status"] == answer.status
    assert problem["request_id"] == answer.headers["X-Request-Id"]
    assert re.fullmatch(r"[a-z][a-z0-9_]*", problem["code"]), problem
    for member in ("type", "title", "detail"):
        assert isinstance(problem[member], str) and problem[member], problem
    for error in problem.get("errors", []):
        assert error["detail"], problem
        assert set(error) <= {"pointer", "line", "column", "detail"}, problem
        assert error.get("pointer", "/").startswith("/"), problem
    if answer.status in (429, 503):
        assert int(answer.headers["Retry-After"]) >= 0
    assert answer.status != 500, answer


# Method, path and status of every answer, for the test that comes last, and of
# each a few whole exchanges: (method, path, headers, body, answer).
SEEN = {}
ALIKE = {}
KEPT = 20


def see(method, path, headers, body, answer):
    # Names differ from test to test; what is around them does not.
    place = re.sub(r"[^/]*\d[^/]*", "*", path.partition("?")[0])
    kept = SEEN.setdefault((method, path.partition("?")[0], answer.status), [])
    alike = ALIKE.setdefault((method, place, answer.status), [0])
    if (alike[0] < KEPT and isinstance(body, (bytes, type(None)))
            and len(answer.body) + len(body or b"") < 20000):
        alike[0] += 1
        kept.append((method, path, headers, body, answer))



@functools.lru_cache
def description():
    """/openapi.json, which every answer is held against; None: unknown."""
    try:
        from openapi import Document
    except ImportError:
        return None  # no jsonschema
    if "BACKPROPD_URL" in os.environ:
        return Document(Client(os.environ["BACKPROPD_URL"]).get(
            "/openapi.json", check=False).json)
    with tempfile.TemporaryDirectory() as directory:
        one = Daemon(directory).start()
        found = one.client.get("/openapi.json", check=False).json
        one.stop()
    return Document(found)


def check_described(method, path, answer):
    """It is an answer that the API's description tells of."""
    document = description()
    if document is None or method == "OPTIONS":
        return
    operation = document.operation(method, path.partition("?")[0])
    if operation is None:
        assert answer.status >= 400, f"{method} {path} is not documented"
    elif method != "HEAD":
        document.check(operation, answer)


class Client:
    """One request a connection, so that a restarted daemon is no surprise."""

    def __init__(self, url, timeout=60):
        self.url = url
        self.host, port = re.fullmatch(
            r"http://\[?([^\]]*?)\]?:(\d+)", url).groups()
        self.port = int(port)
        self.timeout = timeout

    def request(self, method, path, body=None, headers=None, json_body=None,
                check=True):
        headers = dict(headers or {})
        if json_body is not None:
            body = json.dumps(json_body)
        if body is not None and "Content-Type" not in headers:
            headers["Content-Type"] = "application/json"
        if isinstance(body, str):
            body = body.encode()
        link = http.client.HTTPConnection(self.host, self.port,
                                          timeout=self.timeout * SLOW)
        with contextlib.closing(link):
            link.request(method, path, body=body, headers=headers)
            response = link.getresponse()
            answer = Answer(response.status, response.headers, response.read())
        see(method, path, headers, body, answer)
        if check:
            check_answer(method, answer, path)
            check_described(method, path, answer)
        return answer

    def get(self, path, **rest):
        return self.request("GET", path, **rest)

    def post(self, path, json_body=None, **rest):
        return self.request("POST", path, json_body=json_body, **rest)

    def put(self, path, json_body=None, **rest):
        return self.request("PUT", path, json_body=json_body, **rest)

    def patch(self, path, json_body=None, **rest):
        return self.request("PATCH", path, json_body=json_body, **rest)

    def delete(self, path, **rest):
        return self.request("DELETE", path, **rest)

    # -- steps that succeed: what most tests begin with --

    def ok(self, method, path, status, **rest):
        answer = self.request(method, path, **rest)
        assert answer.status == status, f"{method} {path}: {answer}"
        return answer.json if answer.body else None

    def network(self, name, layers, inputs, loss="squared_error", seed=1,
                **rest):
        """layers: pairs of units and activation, all dense."""
        return self.ok("POST", "/v1/networks", 201, json_body={
            "name": name, "input_shape": [inputs], "loss": loss, "seed": seed,
            "layers": [{"type": "dense", "units": units,
                        "activation": activation}
                       for units, activation in layers], **rest})

    def dataset(self, name, text, query=""):
        return self.ok("PUT", f"/v1/datasets/{name}{query}", 201, body=text,
                       headers={"Content-Type": "text/csv"})

    def rows(self, name, inputs, targets, query=""):
        return self.ok("PUT", f"/v1/datasets/{name}{query}", 201,
                       json_body={"inputs": inputs, "targets": targets})

    def submit(self, network, dataset, **spec):
        return self.ok("POST", "/v1/jobs", 202, json_body={
            "network": network, "dataset": dataset, **spec})["id"]

    def job(self, job):
        return self.ok("GET", f"/v1/jobs/{job}", 200)

    def ended(self, job, seconds=60):
        """The job, once it has ended, however it did."""
        def look():
            now = self.job(job)
            return now["status"] in ("succeeded", "failed", "cancelled") and now
        return wait_until(look, seconds, f"job {job}")

    def succeeded(self, job, seconds=60):
        now = self.ended(job, seconds)
        assert now["status"] == "succeeded", now
        return now

    def train(self, network, dataset, seconds=60, **spec):
        return self.succeeded(self.submit(network, dataset, **spec), seconds)

    def running(self, job, epochs=1):
        """The job, once it runs and so many epochs are done."""
        def look():
            now = self.job(job)
            assert now["status"] in ("queued", "running"), now
            return (now["status"] == "running"
                    and now["progress"]["epoch"] >= epochs and now)
        return wait_until(look, 60, f"job {job} running")

    def history(self, job):
        """All of it, page by page."""
        rows, after = [], 0
        while after is not None:
            page = self.ok("GET", f"/v1/jobs/{job}/history?after={after}"
                                  "&limit=1000", 200)
            rows += page["data"]
            after = page["next"]
        return rows

    def version(self, network, version):
        return self.ok("GET", f"/v1/networks/{network}/versions/{version}", 200)

    def weights(self, network, version):
        return self.ok("GET", f"/v1/networks/{network}/versions/{version}"
                              "/weights", 200)

    def put_weights(self, network, layers):
        """layers: pairs of weight and bias, in order."""
        return self.ok("PUT", f"/v1/networks/{network}/weights", 201,
                       json_body=weights_body(layers))

    def predict(self, network, inputs, **rest):
        return self.ok("POST", f"/v1/networks/{network}/predict", 200,
                       json_body={"inputs": inputs, **rest})

    def evaluate(self, network, dataset, **rest):
        return self.ok("POST", f"/v1/networks/{network}/evaluate", 200,
                       json_body={"dataset": dataset, **rest})

    # -- below HTTP --

    def raw(self, data, seconds=20, half_close=False):
        """Send bytes as they are; all that comes back until the end."""
        with self.connect(seconds) as link:
            with contextlib.suppress(ConnectionError):
                link.sendall(data)
                if half_close:
                    link.shutdown(socket.SHUT_WR)
            return read_all(link)

    def connect(self, seconds=20):
        return socket.create_connection((self.host, self.port),
                                        timeout=seconds * SLOW)


def read_all(link):
    """Until the other side closes, or says nothing more for a second."""
    got = b""
    try:
        while True:
            piece = link.recv(65536)
            if not piece:
                return got
            got += piece
            link.settimeout(1.0 * SLOW)
    except (ConnectionError, socket.timeout):
        return got


def weights_body(layers):
    return {"layers": [{"index": i, "weight": weight, "bias": bias}
                       for i, (weight, bias) in enumerate(layers)]}


# --- the daemon --------------------------------------------------------------

class Daemon:
    """A process of its own in a directory of its own."""

    def __init__(self, directory, *arguments, **environment):
        self.directory = pathlib.Path(directory)
        self.arguments = arguments
        self.environment = environment
        self.log = self.directory / "log"
        self.process = None
        self.prefix = []  # a program that starts it

    def start(self):
        environment = {k: v for k, v in os.environ.items()
                       if not k.startswith("BACKPROPD_")}
        # At 19 training would hardly go on beside other tests.
        environment["BACKPROPD_TRAINING_NICE"] = "10"
        environment.update(self.environment)
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [*self.prefix, DAEMON, "--listen", "127.0.0.1:0", "--database", "test.db",
                 *self.arguments],
                cwd=self.directory, env=environment, stdout=subprocess.PIPE,
                stderr=log, stdin=subprocess.DEVNULL)
        line = self.process.stdout.readline().decode()
        found = re.fullmatch(r"backpropd: listening on (http://\S+)\n", line)
        assert found, f"said {line!r}; log:\n{self.log_text()[-4000:]}"
        self.url = found.group(1)
        self.client = Client(self.url)
        return self

    def log_text(self):
        return self.log.read_text(errors="replace")

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, seconds=20):
        """Its exit status."""
        status = self.process.wait(timeout=seconds * SLOW)
        self.process.stdout.close()
        return status

    def kill(self):
        self.signal(signal.SIGKILL)
        return self.wait()

    def stop(self):
        """As an operator does; it must end well."""
        if self.process is None or self.process.returncode is not None:
            return
        self.signal(signal.SIGTERM)
        try:
            status = self.wait()
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        self.check_log()
        assert status == 0, f"exit {status}; log:\n{self.log_text()[-4000:]}"

    def check_log(self):
        found = SANITIZER.search(self.log_text())
        assert not found, self.log_text()[found.start() - 200:][:6000]


# --- numbers -----------------------------------------------------------------

def float32(x):
    """The float32 nearest to x, as Python has it."""
    return struct.unpack("<f", struct.pack("<f", x))[0]


def weights_sha256(weights):
    """The digest API.md defines, from the JSON form."""
    digest = hashlib.sha256()
    for layer in weights["layers"]:
        for row in layer["weight"]:
            digest.update(struct.pack(f"<{len(row)}f", *row))
        digest.update(struct.pack(f"<{len(layer['bias'])}f", *layer["bias"]))
    return digest.hexdigest()


def close(a, b, relative=2e-7, absolute=1e-12):
    return math.isclose(a, b, rel_tol=relative, abs_tol=absolute)


# --- files -------------------------------------------------------------------

def npy(shape, values, kind="<f4"):
    """A .npy file, written by its specification (version 1), of numbers or of
    bytes as they are."""
    head = (f"{{'descr': '{kind}', 'fortran_order': False, "
            f"'shape': {tuple(shape)!r}, }}").encode()
    head += b" " * (-(len(head) + 11) % 64) + b"\n"
    code = {"<f4": "f", "<f8": "d", "<i8": "q", "<i4": "i", "|u1": "B"}[kind]
    if not isinstance(values, bytes):
        values = struct.pack(f"<{len(values)}{code}", *values)
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + values


def idx(shape, values):
    """An IDX file of bytes, as MNIST comes in."""
    return (struct.pack(">BBBB", 0, 0, 8, len(shape))
            + struct.pack(f">{len(shape)}I", *shape) + bytes(values))


def multipart(*parts):
    """Content-Type and body of parts (name, bytes)."""
    mark = base64.b16encode(os.urandom(8)).decode()
    body = b"".join(
        f'--{mark}\r\nContent-Disposition: form-data; name="{name}"; '
        f'filename="{name}"\r\nContent-Type: application/octet-stream\r\n\r\n'
        .encode() + data + b"\r\n" for name, data in parts)
    return (f"multipart/form-data; boundary={mark}",
            body + f"--{mark}--\r\n".encode())


def gzipped(data):
    """The same bytes whenever it is called."""
    return gzip.compress(data, mtime=0)


# --- data that several tests train on ------------------------------------------

XOR = "x1,x2,target\n0,0,0\n0,1,1\n1,0,1\n1,1,0\n"


def line_data(n=64):
    """y = 2 x - 1, without noise: any network learns it."""
    return "x,y\n" + "".join(f"{i / n},{2 * i / n - 1}\n" for i in range(n))


def two_groups(n=60):
    """Two groups of points, called red and blue, that a line parts."""
    rows = ["a,b,colour\n"]
    for i in range(n):
        x, y = (i * 37 % 100) / 100, (i * 61 % 100) / 100
        rows.append(f"{x},{y},red\n" if i % 2 else f"{x + 2},{y + 2},blue\n")
    return "".join(rows)
