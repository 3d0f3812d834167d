#!/usr/bin/python3
"""Predictions a second, ours beside others', in one run.

usage: bench_serve.py BACKPROPD BENCH_BARE [--repeats N] [--seconds S]
                      [--without PEER,…] [--fifo]

Every server runs on core 0, the client (wrk, 16 connections) on the last one.
The runs of a repeat follow each other and medians of repeats are compared, so
that a noisy neighbour meets all of them.  Processor time a request is the sum
over a server's threads: it says the same with less noise.  With --fifo the
server under test and the client have real-time priority while they are measured
(root), which keeps neighbours out.  A peer that does not start is told and left
out; all of it takes about five minutes.
"""

import argparse
import http.client
import json
import os
import pathlib
import platform
import random
import re
import shutil
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
JSON = "application/json"
BINARY = "application/octet-stream"
START_SECONDS = 60
PEER_CASES = ("784 floats", "784 floats, none 0", "784 floats, 17 digits")
N_STORED = 100  # networks in the database of a start that is timed


def free_port():
    with socket.socket() as link:
        link.bind(("127.0.0.1", 0))
        return link.getsockname()[1]


def pin(core):
    return lambda: os.sched_setaffinity(0, {core})


def without_tuning():
    """Peers at their best: OpenBLAS finds the machine out by itself."""
    return {k: v for k, v in os.environ.items()
            if k not in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")}


class Absent(Exception):
    """A server that does not start."""


def answers(port, timeout=5):
    try:
        link = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
        link.request("GET", "/")
        link.getresponse().read()
        return True
    except (OSError, http.client.HTTPException):
        return False


class Server:
    """A server under test, its processes and how it is asked."""

    def __init__(self, name, command, port, paths, body_cases, log, cwd,
                 is_up=answers):
        self.name, self.port, self.paths, self.cases = (name, port, paths,
                                                        body_cases)
        began = time.monotonic()
        try:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, cwd=cwd, env=without_tuning(),
                preexec_fn=pin(0))
        except OSError as error:
            raise Absent(str(error)) from error
        while not is_up(port):
            if self.process.poll() is not None:
                raise Absent(f"ends with status {self.process.returncode}")
            if time.monotonic() - began > START_SECONDS:
                self.stop()
                raise Absent(f"does not answer within {START_SECONDS} s")
            time.sleep(0.001)
        self.start_seconds = time.monotonic() - began

    def tasks(self):
        """Its threads, and those of the processes it has started."""
        pids, found = [self.process.pid], []
        while pids:
            pid = pids.pop()
            found += pathlib.Path(f"/proc/{pid}/task").iterdir()
            for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
                pids += [int(x) for x in
                         (task / "children").read_text().split()]
        return found

    def cpu_ns(self):
        return sum(int((t / "schedstat").read_text().split()[0])
                   for t in self.tasks())

    def rss_mib(self):
        total = 0
        for pid in {t.parts[2] for t in self.tasks()}:
            status = pathlib.Path(f"/proc/{pid}/status").read_text()
            total += int(re.search(r"VmRSS:\s+(\d+)", status).group(1))
        return total / 1024

    def schedule(self, policy, priority):
        for task in self.tasks():
            try:
                os.sched_setscheduler(int(task.name), policy,
                                      os.sched_param(priority))
            except ProcessLookupError:
                pass  # it has ended

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def microseconds(text):
    value, unit = re.fullmatch(r"([\d.]+)(us|ms|s)", text).groups()
    return float(value) * {"us": 1, "ms": 1e3, "s": 1e6}[unit]


class Figure:
    def __init__(self):
        self.rate, self.cpu, self.p50, self.p99, self.bad = [], [], [], [], 0

    def median(self, name):
        return statistics.median(getattr(self, name))


def client_set_up(fifo, cores):
    def set_up():
        os.sched_setaffinity(0, cores)
        if fifo:
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(50))
    return set_up


def measure(server, path, body, kind, seconds, figure, work, fifo=False,
            cores=frozenset({os.cpu_count() - 1})):
    script = work / "post.lua"
    script.write_text(
        'wrk.method = "POST"\n'
        f'local f = io.open("{body}", "rb")\n'
        'wrk.body = f:read("*a")\nf:close()\n'
        f'wrk.headers["Content-Type"] = "{kind}"\n')
    before = server.cpu_ns()
    if fifo:
        server.schedule(os.SCHED_FIFO, 50)
    try:
        told = subprocess.run(
            ["wrk", "-t1", "-c16", f"-d{seconds}s", "--latency", "-s", script,
             f"http://127.0.0.1:{server.port}{path}"],
            capture_output=True, text=True, check=True, timeout=seconds + 30,
            preexec_fn=client_set_up(fifo, cores)).stdout
    finally:
        if fifo:
            server.schedule(os.SCHED_OTHER, 0)
    spent = server.cpu_ns() - before
    n = int(re.search(r"(\d+) requests in", told).group(1))
    figure.rate.append(float(re.search(r"Requests/sec:\s+([\d.]+)",
                                       told).group(1)))
    figure.cpu.append(spent / 1e3 / max(n, 1))
    figure.p50.append(microseconds(re.search(r"\n\s+50%\s+(\S+)", told).group(1)))
    figure.p99.append(microseconds(re.search(r"\n\s+99%\s+(\S+)", told).group(1)))
    found = re.search(r"Non-2xx or 3xx responses: (\d+)", told)
    figure.bad += int(found.group(1)) if found else 0


# --- who takes part ---------------------------------------------------------------

def write_bodies(work):
    draw = random.Random(1)
    pixels = [round(draw.randrange(256) / 255, 4) if draw.random() < 0.5 else 0
              for _ in range(784)]
    files = {
        "4 floats": ("4.json", json.dumps(
            {"inputs": [[5.1, 3.5, 1.4, 0.2]]}).encode(), JSON),
        # A picture: half of them 0, four digits else.
        "784 floats": ("784.json", json.dumps(
            {"inputs": [pixels]}, separators=(",", ":")).encode(), JSON),
        "784 floats, none 0": ("784-3.json", json.dumps(
            {"inputs": [[draw.randrange(1, 1000) / 1000 for _ in range(784)]]},
            separators=(",", ":")).encode(), JSON),
        "784 floats, 17 digits": ("784-17.json", json.dumps(
            {"inputs": [[draw.random() for _ in range(784)]]},
            separators=(",", ":")).encode(), JSON),
        "784 floats, binary": ("784.bin", struct.pack("<784f", *pixels),
                               BINARY),
        "784 floats, base64": ("784.b64", json.dumps({"inputs": {
            "b64": __import__("base64").b64encode(
                struct.pack("<784f", *pixels)).decode()}}).encode(), JSON),
    }
    cases = {}
    for case, (name, data, kind) in files.items():
        (work / name).write_bytes(data)
        cases[case] = (work / name, kind)
    return cases


def post(port, path, body):
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    link.request("POST", path, json.dumps(body), {"Content-Type": JSON})
    answer = link.getresponse()
    data = answer.read()
    assert answer.status < 300, data
    return json.loads(data)


def dense(units, activation):
    return {"type": "dense", "units": units, "activation": activation}


def ours_command(arguments, port, database):
    return [arguments.backpropd, "--listen", f"127.0.0.1:{port}", "--database",
            database, "--log-level", "warn", "--http-threads", "1"]


def make_iris(port, name):
    post(port, "/v1/networks", {
        "name": name, "input_shape": [4], "loss": "cross_entropy", "seed": 1,
        "layers": [dense(10, "tanh"), dense(3, "softmax")]})


def start_ours(arguments, work, log):
    port = free_port()
    server = Server(
        "backpropd", ours_command(arguments, port, work / "bench.db"),
        port, {"4 floats": "/v1/networks/iris/predict",
               None: "/v1/networks/n2/predict"},
        None, log, work)
    make_iris(port, "iris")
    post(port, "/v1/networks", {
        "name": "n2", "input_shape": [784], "loss": "cross_entropy", "seed": 1,
        "layers": [dense(256, "relu"), dense(128, "relu"),
                   dense(10, "softmax")]})
    return server


def predicts(port):
    """Does it predict?  What a client sees who asks while it starts."""
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        link.request("POST", "/v1/networks/iris-7/predict",
                     '{"inputs": [[5.1, 3.5, 1.4, 0.2]]}',
                     {"Content-Type": JSON})
        return link.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False


def time_start(arguments, work, log):
    """From exec to the first prediction, and the memory of a daemon with one
    small model."""
    database, port, seconds = work / "start.db", free_port(), []
    server = Server("backpropd", ours_command(arguments, port, database), port,
                    {}, None, log, work)
    for i in range(N_STORED):
        make_iris(port, f"iris-{i}")
    server.stop()
    for _ in range(5):
        server = Server("backpropd", ours_command(arguments, port, database),
                        port, {}, None, log, work, predicts)
        seconds.append(server.start_seconds)
        for _ in range(100):
            predicts(port)
        memory = server.rss_mib()
        server.stop()
    print(f"\nWith {N_STORED} networks stored, the first prediction comes "
          f"{statistics.median(seconds) * 1e3:.0f} ms after exec; with one "
          f"small model in use the daemon has {memory:.1f} MiB.")


def start_bare(arguments, work, log):
    port = free_port()
    return Server("libmicrohttpd, fixed answer",
                  [arguments.bare, str(port)], port, {None: "/"}, None, log,
                  work)


def start_nginx(arguments, work, log):
    port = free_port()
    (work / "nginx.conf").write_text(f"""
daemon off; worker_processes 1; pid {work}/nginx.pid; error_log /dev/null;
events {{ }}
http {{ access_log off; client_body_temp_path {work}/body;
  proxy_temp_path {work}/p; fastcgi_temp_path {work}/f;
  uwsgi_temp_path {work}/u; scgi_temp_path {work}/s;
  keepalive_requests 100000000;
  server {{ listen 127.0.0.1:{port};
    location / {{ default_type application/json;
      return 200 '{{"outputs":[[{",".join(["0.11111111"] * 8)}]]}}'; }} }} }}
""")
    return Server("nginx, fixed answer", [
        "nginx", "-c", work / "nginx.conf", "-p", work], port, {None: "/"},
        None, log, work)


def start_fastapi(arguments, work, log, name="FastAPI + PyTorch",
                  path="/predict"):
    port = free_port()
    return Server(name, [
        sys.executable, "-m", "uvicorn", "--app-dir", HERE / "peers",
        "fastapi_torch:app", "--port", str(port), "--log-level", "error",
        "--no-access-log"], port, {None: path},
        PEER_CASES, log, work)


def start_fastapi_described(arguments, work, log):
    return start_fastapi(arguments, work, log,
                         "FastAPI, body described + PyTorch", "/described")


def start_flask(arguments, work, log):
    port = free_port()
    return Server("Flask, gunicorn × 2 + scikit-learn", [
        sys.executable, "-m", "gunicorn", "--chdir", HERE / "peers", "-w", "2",
        "-k", "gthread", "--keep-alive", "60", "-b", f"127.0.0.1:{port}",
        "flask_sklearn:app"], port, {None: "/predict"},
        PEER_CASES, log, work)


PEERS = {"bare": start_bare, "nginx": start_nginx, "fastapi": start_fastapi,
         "fastapi-described": start_fastapi_described,
         "flask": start_flask}


# --- serving while training -------------------------------------------------------

def is_trainer(task):
    return (task / "comm").read_text().startswith(("trainer", "team"))


def predicting_ns(server):
    """Processor time of all threads but those that train."""
    return sum(int((t / "schedstat").read_text().split()[0])
               for t in server.tasks() if not is_trainer(t))


def submit_jobs(server):
    rows = [[random.random() for _ in range(32)] for _ in range(2000)]
    link = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    link.request("PUT", "/v1/datasets/noise", json.dumps({
        "inputs": rows, "targets": [[sum(r)] for r in rows]}),
        {"Content-Type": JSON})
    assert link.getresponse().read()
    jobs = []
    for i in range(os.cpu_count()):
        post(server.port, "/v1/networks", {
            "name": f"train-{i}", "input_shape": [32], "loss": "mse",
            "layers": [dense(256, "relu"), dense(1, "linear")]})
        jobs.append(post(server.port, "/v1/jobs", {
            "network": f"train-{i}", "dataset": "noise", "batch_size": 64,
            "epochs": 1000000})["id"])
    return jobs


def epochs_done(server, jobs):
    link = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    total = 0
    for job in jobs:
        link.request("GET", f"/v1/jobs/{job}")
        total += json.loads(link.getresponse().read())["progress"]["epoch"]
    return total


def while_training(server, cases, seconds, work):
    """p99 of predictions without and beside jobs that use what they can get,
    server and client on all cores."""
    cores = set(range(os.cpu_count()))
    for task in server.tasks():
        os.sched_setaffinity(int(task.name), cores)
    idle, busy = Figure(), Figure()
    body, kind = cases["784 floats"]

    def ask(figure):
        for _ in range(3):
            measure(server, "/v1/networks/n2/predict", body, kind, seconds,
                    figure, work, cores=cores)

    ask(idle)
    jobs = submit_jobs(server)
    time.sleep(1)
    first, began = epochs_done(server, jobs), time.monotonic()
    time.sleep(seconds)
    alone = (epochs_done(server, jobs) - first) / (time.monotonic() - began)
    first, began = epochs_done(server, jobs), time.monotonic()
    spent = predicting_ns(server)
    client = os.times().children_user + os.times().children_system
    ask(busy)
    spent = ((predicting_ns(server) - spent) / 1e9 - client +
             os.times().children_user + os.times().children_system)
    lasted = time.monotonic() - began
    beside = (epochs_done(server, jobs) - first) / lasted
    for job in jobs:
        post(server.port, f"/v1/jobs/{job}/cancel", {})
    print(f"\nWhile {len(jobs)} jobs train on all cores: predict p99 "
          f"{busy.median('p99') / 1e3:.2f} ms (idle "
          f"{idle.median('p99') / 1e3:.2f} ms), "
          f"{busy.median('rate'):,.0f} predictions a second (idle "
          f"{idle.median('rate'):,.0f}).  Training does {alone:.1f} epochs a "
          f"second alone and {beside:.1f} beside them: it loses "
          f"{1 - beside / max(alone, 1e-9):.0%}, and predictions with their "
          f"client took {spent / lasted / len(cores):.0%} of the processors.")


def version_of(command):
    try:
        told = subprocess.run(command, capture_output=True, text=True)
        return (told.stdout + told.stderr).strip().splitlines()[0]
    except (OSError, IndexError):
        return "?"


def print_machine(arguments):
    cpu = re.search(r"model name\s*: (.*)", pathlib.Path(
        "/proc/cpuinfo").read_text())
    commit = version_of(["git", "-C", HERE, "rev-parse", "--short", "HEAD"])
    print(f"{time.strftime('%Y-%m-%d')}, commit {commit}, "
          f"{cpu.group(1) if cpu else '?'} × {os.cpu_count()}, "
          f"Linux {platform.release()}; "
          f"{version_of([arguments.backpropd, '--version'])}; "
          f"{version_of(['wrk', '-v'])}; load {os.getloadavg()[0]:.1f}\n")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("backpropd", type=pathlib.Path)
    parser.add_argument("bare", type=pathlib.Path)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--without", default="")
    parser.add_argument("--fifo", action="store_true")
    arguments = parser.parse_args()
    arguments.backpropd = arguments.backpropd.resolve()
    arguments.bare = arguments.bare.resolve()
    if shutil.which("wrk") is None:
        raise SystemExit("bench_serve: needs wrk (Debian: wrk)")
    print_machine(arguments)
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        cases = write_bodies(work)
        with open(work / "log", "wb") as log:
            servers = [start_ours(arguments, work, log)]
            try:
                for name, start in PEERS.items():
                    if name in arguments.without.split(","):
                        continue
                    try:
                        servers.append(start(arguments, work, log))
                    except Absent as why:
                        print(f"left out: {name}: {why}\n", flush=True)
                run(servers, cases, arguments, work)
            finally:
                for server in servers:
                    server.stop()
            time_start(arguments, work, log)


def run(servers, cases, arguments, work):
    figures = {}
    for repeat in range(-1, arguments.repeats):  # the first warms up
        for case, (body, kind) in cases.items():
            for server in servers:
                if server.cases is not None and case not in server.cases:
                    continue
                figure = figures.setdefault((case, server.name), Figure())
                path = server.paths.get(case, server.paths[None])
                measure(server, path, body, kind,
                        1 if repeat < 0 else arguments.seconds, figure, work,
                        arguments.fifo)
                if repeat < 0:
                    figures[case, server.name] = Figure()
    bare = next((s.name for s in servers if "libmicrohttpd" in s.name), None)
    print("| body | server | requests/s | CPU µs a request | of bare, by rate "
          "| of bare, by CPU | p50 / p99 ms |\n|---|---|---|---|---|---|---|")
    for (case, name), figure in figures.items():
        by_rate = by_cpu = "–"
        base = figures.get((case, bare))
        if base is not None:
            by_rate = f"{figure.median('rate') / base.median('rate'):.0%}"
            by_cpu = f"{base.median('cpu') / figure.median('cpu'):.0%}"
        note = f" ({figure.bad} refused)" if figure.bad else ""
        print(f"| {case} | {name}{note} | {figure.median('rate'):,.0f} | "
              f"{figure.median('cpu'):.1f} | {by_rate} | {by_cpu} | "
              f"{figure.median('p50') / 1e3:.2f} / "
              f"{figure.median('p99') / 1e3:.2f} |")
    print()
    for (case, name), figure in figures.items():
        ours = figures[case, servers[0].name]
        if name.startswith(("FastAPI", "Flask")):
            print(f"{case}: {ours.median('rate') / figure.median('rate'):.1f} "
                  f"times the rate of {name}")
    print("\n| server | start to first answer | memory |\n|---|---|---|")
    for server in servers:
        print(f"| {server.name} | {server.start_seconds * 1e3:.0f} ms | "
              f"{server.rss_mib():.1f} MiB |")
    while_training(servers[0], cases, arguments.seconds, work)


if __name__ == "__main__":
    main()
