#!/usr/bin/python3
"""Predictions a second, ours beside others', in one run.

usage: bench_serve.py BACKPROPD BENCH_BARE [--repeats N] [--seconds S]
                      [--without PEER,…]

Every server runs on core 0, the client (wrk, 16 connections) on core 1.  The
runs of a repeat follow each other and medians of repeats are compared, so that
a noisy neighbour meets all of them.  Processor time a request is the sum over a
server's threads: it says the same with less noise.
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


class Server:
    """A server under test, its processes and how it is asked."""

    def __init__(self, name, command, port, paths, body_cases, log, cwd):
        self.name, self.port, self.paths, self.cases = (name, port, paths,
                                                        body_cases)
        began = time.monotonic()
        self.process = subprocess.Popen(
            command, stdout=log, stderr=log, cwd=cwd, env=without_tuning(),
            preexec_fn=pin(0))
        while True:
            try:
                link = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
                link.request("GET", "/")
                link.getresponse().read()
                break
            except OSError:
                if self.process.poll() is not None:
                    raise SystemExit(f"{name} does not start; see the log")
                if time.monotonic() - began > 60:
                    raise SystemExit(f"{name} does not answer")
                time.sleep(0.002)
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

    def stop(self):
        self.process.terminate()
        self.process.wait(20)


def microseconds(text):
    value, unit = re.fullmatch(r"([\d.]+)(us|ms|s)", text).groups()
    return float(value) * {"us": 1, "ms": 1e3, "s": 1e6}[unit]


class Figure:
    def __init__(self):
        self.rate, self.cpu, self.p50, self.p99, self.bad = [], [], [], [], 0

    def median(self, name):
        return statistics.median(getattr(self, name))


def measure(server, path, body, kind, seconds, figure, work):
    script = work / "post.lua"
    script.write_text(
        'wrk.method = "POST"\n'
        f'local f = io.open("{body}", "rb")\n'
        'wrk.body = f:read("*a")\nf:close()\n'
        f'wrk.headers["Content-Type"] = "{kind}"\n')
    before = server.cpu_ns()
    told = subprocess.run(
        ["wrk", "-t1", "-c16", f"-d{seconds}s", "--latency", "-s", script,
         f"http://127.0.0.1:{server.port}{path}"],
        capture_output=True, text=True, preexec_fn=pin(os.cpu_count() - 1),
        check=True).stdout
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
        "784 floats": ("784.json", json.dumps(
            {"inputs": [pixels]}, separators=(",", ":")).encode(), JSON),
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


def start_ours(arguments, work, log):
    port = free_port()
    server = Server(
        "backpropd", [arguments.backpropd, "--listen", f"127.0.0.1:{port}",
                      "--database", work / "bench.db", "--log-level", "warn",
                      "--http-threads", "1"],
        port, {"4 floats": "/v1/networks/iris/predict",
               None: "/v1/networks/n2/predict"},
        None, log, work)
    post(port, "/v1/networks", {
        "name": "iris", "input_shape": [4], "loss": "cross_entropy", "seed": 1,
        "layers": [dense(10, "tanh"), dense(3, "softmax")]})
    post(port, "/v1/networks", {
        "name": "n2", "input_shape": [784], "loss": "cross_entropy", "seed": 1,
        "layers": [dense(256, "relu"), dense(128, "relu"),
                   dense(10, "softmax")]})
    return server


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


def start_fastapi(arguments, work, log):
    port = free_port()
    return Server("FastAPI + PyTorch", [
        sys.executable, "-m", "uvicorn", "--app-dir", HERE / "peers",
        "fastapi_torch:app", "--port", str(port), "--log-level", "error",
        "--no-access-log"], port, {None: "/predict"},
        ("784 floats", "784 floats, 17 digits"), log, work)


def start_flask(arguments, work, log):
    port = free_port()
    return Server("Flask, gunicorn × 2 + scikit-learn", [
        sys.executable, "-m", "gunicorn", "--chdir", HERE / "peers", "-w", "2",
        "-k", "gthread", "--keep-alive", "60", "-b", f"127.0.0.1:{port}",
        "flask_sklearn:app"], port, {None: "/predict"},
        ("784 floats", "784 floats, 17 digits"), log, work)


PEERS = {"bare": start_bare, "nginx": start_nginx, "fastapi": start_fastapi,
         "flask": start_flask}


# --- serving while training -------------------------------------------------------

def while_training(server, cases, seconds, work):
    """p99 of predictions without and beside a job that uses what it can get,
    server and client on all cores."""
    os.sched_setaffinity(server.process.pid, set(range(os.cpu_count())))
    for task in server.tasks():
        os.sched_setaffinity(int(task.name), set(range(os.cpu_count())))
    rows = [[random.random() for _ in range(32)] for _ in range(2000)]
    link = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    link.request("PUT", "/v1/datasets/noise", json.dumps({
        "inputs": rows, "targets": [[sum(r)] for r in rows]}),
        {"Content-Type": JSON})
    assert link.getresponse().read()
    jobs = []
    idle, busy = Figure(), Figure()
    body, kind = cases["784 floats"]
    for _ in range(3):
        measure(server, "/v1/networks/n2/predict", body, kind, seconds, idle,
                work)
    for i in range(os.cpu_count()):
        post(server.port, "/v1/networks", {
            "name": f"train-{i}", "input_shape": [32], "loss": "mse",
            "layers": [dense(256, "relu"), dense(1, "linear")]})
        jobs.append(post(server.port, "/v1/jobs", {
            "network": f"train-{i}", "dataset": "noise", "batch_size": 64,
            "epochs": 1000000})["id"])

    def trained():
        total = 0
        for job in jobs:
            link.request("GET", f"/v1/jobs/{job}")
            total += json.loads(link.getresponse().read())["progress"]["epoch"]
        return total
    time.sleep(1)
    first, began = trained(), time.monotonic()
    time.sleep(seconds)
    alone = (trained() - first) / (time.monotonic() - began)
    first, began = trained(), time.monotonic()
    for _ in range(3):
        measure(server, "/v1/networks/n2/predict", body, kind, seconds, busy,
                work)
    beside = (trained() - first) / (time.monotonic() - began)
    for job in jobs:
        post(server.port, f"/v1/jobs/{job}/cancel", {})
    print(f"\nWhile {len(jobs)} jobs train on all cores: predict p99 "
          f"{busy.median('p99') / 1e3:.2f} ms (idle "
          f"{idle.median('p99') / 1e3:.2f} ms), "
          f"{busy.median('rate'):.0f} predictions a second (idle "
          f"{idle.median('rate'):.0f}); epochs a second {alone:.1f} alone, "
          f"{beside:.1f} beside them.")


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
                    if name not in arguments.without.split(","):
                        servers.append(start(arguments, work, log))
                run(servers, cases, arguments, work)
            finally:
                for server in servers:
                    server.stop()


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
                        1 if repeat < 0 else arguments.seconds, figure, work)
                if repeat < 0:
                    figures[case, server.name] = Figure()
    bare = next((s.name for s in servers if "libmicrohttpd" in s.name), None)
    print("| body | server | requests/s | CPU µs a request | of bare, by rate "
          "| of bare, by CPU | p50 / p99 ms |\n|---|---|---|---|---|---|---|")
    for (case, name), figure in figures.items():
        by_rate = by_cpu = "–"
        if bare is not None:
            base = figures[case, bare]
            by_rate = f"{figure.median('rate') / base.median('rate'):.0%}"
            by_cpu = f"{base.median('cpu') / figure.median('cpu'):.0%}"
        note = f" ({figure.bad} refused)" if figure.bad else ""
        print(f"| {case} | {name}{note} | {figure.median('rate'):,.0f} | "
              f"{figure.median('cpu'):.1f} | {by_rate} | {by_cpu} | "
              f"{figure.median('p50') / 1e3:.2f} / "
              f"{figure.median('p99') / 1e3:.2f} |")
    print("\n| server | start to first answer | memory |\n|---|---|---|")
    for server in servers:
        print(f"| {server.name} | {server.start_seconds * 1e3:.0f} ms | "
              f"{server.rss_mib():.1f} MiB |")
    while_training(servers[0], cases, arguments.seconds, work)


if __name__ == "__main__":
    main()
