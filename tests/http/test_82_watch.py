"""backpropd watch: a job in a terminal, and in a log."""

import os
import pty
import re
import signal
import subprocess

from support import DAEMON, SLOW, XOR, line_data


def watch(*arguments, **rest):
    return subprocess.Popen([DAEMON, "watch", *map(str, arguments)],
                            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
                            **rest)


def test_a_finished_job_in_lines(daemon, client, name):
    client.network(name, [(4, "tanh"), (1, "sigmoid")], 2)
    client.dataset(name, XOR)
    job = client.submit(name, name, epochs=200)
    client.succeeded(job)
    told = watch(daemon.url, job, stdout=subprocess.PIPE)
    out, err = told.communicate(timeout=20 * SLOW)
    assert told.returncode == 0, err
    lines = out.decode().splitlines()
    assert lines[0].startswith(f"job {job} queued (submitted)")
    assert re.match(rf"job {job} succeeded \(\w+\) epoch 200.* loss 0\.", lines[-1])
    assert "\x1b" not in out.decode()


def test_a_failed_or_cancelled_job_is_status_1(daemon, client, name):
    client.network(name, [(4, "tanh"), (1, "sigmoid")], 2)
    client.dataset(name, XOR)
    job = client.submit(name, name, epochs=10**8)
    told = watch(daemon.url, job, stdout=subprocess.PIPE)
    line = told.stdout.readline()
    assert line.startswith(f"job {job} ".encode())
    client.ok("POST", f"/v1/jobs/{job}/cancel", 200)
    out, _ = told.communicate(timeout=20 * SLOW)
    assert told.returncode == 1
    assert out.decode().splitlines()[-1].startswith(f"job {job} cancelled")


def test_it_outlives_a_daemon(new_daemon, tmp_path):
    daemon = new_daemon().start()
    port = daemon.client.port
    daemon.client.network("n", [(128, "tanh"), (64, "tanh"), (1, "linear")], 1)
    daemon.client.dataset("d", line_data(256))
    job = daemon.client.submit("n", "d", epochs=600, batch_size=8)
    told = watch(daemon.url, job, stdout=subprocess.PIPE)
    while b"running" not in told.stdout.readline():
        pass
    daemon.kill()
    again = new_daemon("--listen", f"127.0.0.1:{port}", "--database",
                       str(daemon.directory / "test.db"))
    again.start()
    out, err = told.communicate(timeout=60 * SLOW)
    assert told.returncode == 0, err
    assert f"job {job} succeeded" in out.decode().splitlines()[-1]
    assert re.search(rf"^job {job} queued \((?!submitted)", out.decode(),
                     re.MULTILINE), out


def test_a_terminal_has_a_bar_and_a_curve(daemon, client, name):
    client.network(name, [(4, "tanh"), (1, "sigmoid")], 2)
    client.dataset(name, XOR)
    job = client.submit(name, name, epochs=300)
    client.succeeded(job)
    ours, theirs = pty.openpty()
    told = watch(daemon.url, job, stdout=theirs)
    os.close(theirs)
    seen = b""
    try:
        while piece := os.read(ours, 65536):
            seen += piece
    except OSError:
        pass  # the other end is closed
    os.close(ours)
    assert told.wait(20 * SLOW) == 0
    text = seen.decode()
    assert "━" * 20 in text and f"job {job}" in text
    assert re.search(r"[\u2801-\u28ff]", text), "no curve"
    told.stderr.close()


def test_all_jobs(new_daemon):
    daemon = new_daemon().start()
    told = watch(daemon.url, stdout=subprocess.PIPE)
    daemon.client.network("n", [(4, "tanh"), (1, "sigmoid")], 2)
    daemon.client.dataset("d", XOR)
    # It listens from now on, which it does not tell: a job until it is heard.
    job = daemon.client.submit("n", "d", epochs=10**8)
    assert told.stdout.readline().startswith(f"job {job} ".encode())
    told.send_signal(signal.SIGTERM)
    told.communicate(timeout=20 * SLOW)
    daemon.client.ok("POST", f"/v1/jobs/{job}/cancel", 200)


def test_mistakes(daemon, client):
    for arguments, status, words in (
            ([], 2, "watch URL"), (["ftp://x"], 2, "must be as http://"),
            ([daemon.url, "abc"], 2, "a job is a number"),
            ([daemon.url, "999999"], 1, "there is nothing at"),
            (["http://127.0.0.1:1"], 69, "nobody answers")):
        told = watch(*arguments, stdout=subprocess.PIPE)
        _, err = told.communicate(timeout=20 * SLOW)
        assert told.returncode == status, (arguments, err)
        assert words in err.decode(), err
        assert err.count(b"\n") == 1
