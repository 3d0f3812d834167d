"""A copy while all goes on; a search for faults; files that are not ours."""

import random
import sqlite3
import subprocess
import threading

import pytest

from support import (DAEMON, SLOW, line_data, two_groups, wait_until,
                     weights_sha256)


def check(path):
    """Exit status and what backpropd --check says of a file."""
    done = subprocess.run([DAEMON, "--check", "--database", str(path)],
                          capture_output=True, text=True, timeout=60 * SLOW)
    return done.returncode, done.stdout + done.stderr


def fill(client, name="n", epochs=20, **spec):
    client.dataset(name, two_groups(200))
    client.network(name, [(16, "tanh"), (2, "softmax")], 2,
                   loss="cross_entropy")
    client.train(name, name, epochs=epochs, **spec)


def backup(client, path):
    answer = client.request("GET", "/v1/backup", check=False)
    assert answer.status == 200, answer
    assert answer.headers["Content-Type"] == "application/vnd.sqlite3"
    assert int(answer.headers["Content-Length"]) == len(answer.body)
    path.write_bytes(answer.body)


def test_a_copy_is_a_database(new_daemon):
    daemon = new_daemon().start()
    fill(daemon.client)
    client = daemon.client
    backup(client, daemon.directory / "copy.db")
    assert check(daemon.directory / "copy.db") == (
        0, f"{daemon.directory}/copy.db: 1 networks, 2 versions, 1 datasets "
           "in 1 chunks, 1 jobs, 1 checkpoints: all is well\n")
    assert not list(daemon.directory.glob("*.backup*"))
    # Restoring is starting on it.
    restored = new_daemon()
    restored.directory.joinpath("test.db").write_bytes(
        (daemon.directory / "copy.db").read_bytes())
    again = restored.start().client
    assert again.version("n", 1) == client.version("n", 1)
    assert again.history(1) == client.history(1)
    assert again.predict("n", [[0.5, 2]]) == client.predict("n", [[0.5, 2]])
    again.train("n", "n", epochs=1)


def test_copies_are_made_while_all_goes_on(new_daemon):
    daemon = new_daemon().start()
    client = daemon.client
    fill(client)
    job = client.submit("n", "n", epochs=1000000)
    client.running(job)
    acknowledged, stop, wrong = [], threading.Event(), []

    def write():
        try:
            while not stop.is_set():
                name = f"w{len(acknowledged)}"
                client.network(name, [(1, "linear")], 1)
                acknowledged.append(name)
        except Exception as failure:  # pylint: disable=broad-except
            wrong.append(failure)
    writer = threading.Thread(target=write)
    writer.start()
    for i in range(12):
        before = len(acknowledged)
        path = daemon.directory / f"copy-{i}.db"
        backup(client, path)
        status, said = check(path)
        assert status == 0, said
        with sqlite3.connect(path) as link:
            names = {x for x, in link.execute("SELECT name FROM network")}
        assert names >= set(acknowledged[:before])
        wait_until(lambda: len(acknowledged) > before or wrong)
    stop.set()
    writer.join()
    assert not wrong
    assert client.job(job)["status"] == "running"
    client.ok("POST", f"/v1/jobs/{job}/cancel", 200)


def test_the_job_of_a_copy_ends_with_the_same_bytes(new_daemon):
    daemon = new_daemon().start()
    client = daemon.client
    client.dataset("n", two_groups(300))
    client.network("n", [(16, "tanh"), (2, "softmax")], 2,
                   loss="cross_entropy")
    job = client.submit("n", "n", epochs=600, batch_size=5)
    client.running(job, 5)
    restored = new_daemon()
    backup(client, restored.directory / "test.db")
    restored.start()
    client.succeeded(job, 120)
    assert restored.client.succeeded(job, 120)["resumes"] == 1
    assert (restored.client.version("n", 1)["sha256"]
            == client.version("n", 1)["sha256"])


def test_a_crash_leaves_no_half_of_a_copy(new_daemon):
    daemon = new_daemon().start()
    daemon.kill()
    left = daemon.directory / "test.db.backup"
    left.write_bytes(b"half")
    daemon.start()
    assert not left.exists()


# --- faults ------------------------------------------------------------------

def damaged(daemon, sql):
    """The stopped daemon's file, with rows that SQLite has no quarrel with."""
    daemon.stop()
    path = daemon.directory / "test.db"
    with sqlite3.connect(path) as link:
        link.executescript(sql)
    link.close()
    return path


def flip(path, table, column, at):
    """One bit of one byte, in the row that was written last."""
    with sqlite3.connect(path) as link:
        row, data = link.execute(f"SELECT rowid, {column} FROM {table}"
                                 " ORDER BY rowid DESC").fetchone()
        data = bytearray(data)
        data[0 if at == "first" else -1] ^= 1
        link.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?",
                     (bytes(data), row))
    link.close()


def test_faults_are_told_by_name(new_daemon):
    daemon = new_daemon().start()
    fill(daemon.client)
    path = damaged(daemon, """
        UPDATE weight_chunk SET bytes = zeroblob(length(bytes))
         WHERE version_id = 2;
        UPDATE checkpoint_chunk SET bytes = zeroblob(length(bytes));
        UPDATE network SET spec = '{"layers": 3}';
        UPDATE dataset SET meta = 'none';
        UPDATE job SET spec = '{}';
        UPDATE version SET encoder = replace(encoder, '1', '2')
         WHERE version = 1;
        DELETE FROM dataset_chunk;
        INSERT INTO epoch (job_id, epoch) VALUES (77, 1);
    """)
    status, said = check(path)
    assert status == 65
    for word in ("version 1 of network 'n': /version: the weights of version 1"
                 " do not fit", "the checkpoint of job 1 does not fit",
                 "network 'n': spec", "dataset 'n': ", "job 1: spec",
                 "rows of dataset 'n' are missing",
                 "a row of epoch refers to one of job that is not there",
                 "9 faults"):
        assert word in said, said


def corrupt(client, what, body):
    answer = client.request("POST", f"/v1/networks/n/{what}", json_body=body,
                            check=False)
    assert answer.status == 500 and answer.json["code"] == "corrupt", answer
    return answer


@pytest.mark.parametrize("at", ["first", "last"])
def test_rows_with_a_fault_are_never_trained_on(new_daemon, at):
    daemon = new_daemon().start()
    fill(daemon.client)
    flip(damaged(daemon, ""), "dataset_chunk", "bytes", at)
    said = check(daemon.directory / "test.db")
    fault = "chunk 0 of dataset 'n' does not fit its digest"
    assert said[0] == 65 and fault in said[1] and "1 faults" in said[1], said
    client = daemon.start().client
    for method, path, body in (
            ("GET", "/v1/datasets/n/rows", None),
            ("POST", "/v1/networks/n/evaluate", {"dataset": "n"})):
        answer = client.request(method, path, json_body=body, check=False)
        assert answer.status == 500 and answer.json["code"] == "corrupt"
        assert fault in answer.json["detail"]
    job = client.ended(client.submit("n", "n", epochs=1))
    assert job["status"] == "failed" and job["error"]["code"] == "corrupt"
    assert fault in job["error"]["detail"]
    assert client.ok("GET", "/v1/networks/n", 200)["latest_version"] == 1
    # The rest goes on, and the same rows under another name are good.
    client.predict("n", [[1, 2]])
    client.dataset("m", two_groups(200))
    client.train("n", "m", epochs=1)


def test_an_encoder_with_a_fault_never_serves(new_daemon):
    daemon = new_daemon().start()
    client = daemon.client
    fill(client, epochs=2, scale_inputs="standard")
    client.train("n", "n", epochs=2, scale_inputs="standard")
    good = client.predict("n", [[1, 2]], version=1)
    path = damaged(daemon, "")
    with sqlite3.connect(path) as link:
        text, = link.execute("SELECT encoder FROM version WHERE version = 2"
                             ).fetchone()
        at = next(i for i, x in enumerate(text) if x in "3456")  # still JSON
        link.execute("UPDATE version SET encoder = ? WHERE version = 2",
                     (text[:at] + "7" + text[at + 1:],))
    link.close()
    status, said = check(path)
    fault = "the encoder of version 2 does not fit its digest"
    assert status == 65 and fault in said and "1 faults" in said, said
    client = daemon.start().client
    answer = corrupt(client, "predict", {"inputs": [[1, 2]]})
    assert fault in answer.json["detail"]
    assert client.predict("n", [[1, 2]], version=1) == good


def test_a_lost_encoder_never_serves(new_daemon):
    daemon = new_daemon().start()
    client = daemon.client
    fill(client, epochs=2, scale_inputs="standard")
    damaged(daemon, "UPDATE version SET encoder = NULL WHERE version = 1")
    client = daemon.start().client
    answer = corrupt(client, "predict", {"inputs": [[1, 2]]})
    assert ("the encoder of version 1 does not fit its digest"
            in answer.json["detail"])


def test_an_optimisers_state_with_a_fault_trains_nothing(new_daemon):
    daemon = new_daemon().start()
    client = daemon.client
    client.network("n", [(1, "linear")], 1)
    batch = {"inputs": [[1]], "targets": [[2]],
             "optimizer": {"type": "adam"}}
    client.ok("POST", "/v1/networks/n/train_on_batch", 200, json_body=batch)
    path = damaged(daemon, "")
    flip(path, "live_chunk", "bytes", "last")
    status, said = check(path)
    fault = "the optimiser's state of network 'n' does not fit its digest"
    assert status == 65 and fault in said and "1 faults" in said, said
    client = daemon.start().client
    alone = {k: batch[k] for k in ("inputs", "targets")}
    answer = corrupt(client, "train_on_batch", alone)
    assert answer.pointers == ["/optimizer"], answer
    assert 'send "optimizer" with the batch' in answer.json["detail"]
    client.predict("n", [[1]])
    assert fault in daemon.log.read_text()
    # As it says: the state begins anew, and then is there again.
    for body in (batch, alone):
        client.ok("POST", "/v1/networks/n/train_on_batch", 200, json_body=body)
    assert "goes on without the damaged state" in daemon.log.read_text()
    daemon.stop()
    assert check(path)[0] == 0


def test_what_an_older_program_wrote_has_no_digest(new_daemon):
    daemon = new_daemon().start()
    fill(daemon.client)
    path = damaged(daemon, "UPDATE dataset_chunk SET sha256 = NULL;"
                           "UPDATE version SET encoder_sha256 = NULL;"
                           "UPDATE checkpoint SET sha256 = NULL;")
    assert check(path)[0] == 0
    daemon.start().client.train("n", "n", epochs=1)


@pytest.mark.parametrize("loaded", [False, True])
def test_a_good_version_answers_beside_a_bad_one(new_daemon, loaded):
    daemon = new_daemon().start()
    client = daemon.client
    fill(client)
    client.train("n", "n", epochs=1)
    good = {v: client.predict("n", [[1, 2]], version=v) for v in (0, 1)}
    flip(damaged(daemon, ""), "weight_chunk", "bytes", "last")
    client = daemon.start().client
    if loaded:  # it is told that the latest is bad, and goes on from there
        corrupt(client, "predict", {"inputs": [[1, 2]]})
    for version, answer in good.items():
        assert client.predict("n", [[1, 2]], version=version) == answer
        assert client.ok("POST", f"/v2/models/n/versions/{version}/infer", 200,
                         json_body={"inputs": [{
                             "name": "input", "shape": [1, 2],
                             "datatype": "FP32", "data": [1, 2]}]})
    client.evaluate("n", "n", version=1)
    answer = corrupt(client, "predict", {"inputs": [[1, 2]]})
    assert "version 2" in answer.json["detail"], answer.json
    client.ok("PATCH", "/v1/networks/n", 200, json_body={"serving_version": 1})
    assert client.predict("n", [[1, 2]]) == good[1]


def test_weights_with_a_fault_never_serve(new_daemon):
    daemon = new_daemon().start()
    fill(daemon.client)
    damaged(daemon, "UPDATE weight_chunk SET bytes = zeroblob(length(bytes))"
                    " WHERE version_id = 2")
    client = daemon.start().client
    for method, path, body in (
            ("POST", "/v1/networks/n/predict", {"inputs": [[1, 2]]}),
            ("GET", "/v1/networks/n/versions/1/weights", None),
            ("POST", "/v1/networks/n/evaluate", {"dataset": "n"})):
        answer = client.request(method, path, json_body=body, check=False)
        assert answer.status == 500 and answer.json["code"] == "corrupt"
    # The rest goes on, and another version can take its place.
    client.ok("PATCH", "/v1/networks/n", 200, json_body={"serving_version": 0})
    client.predict("n", [[1, 2]])
    client.network("m", [(1, "linear")], 1)


def test_a_checkpoint_with_a_fault_fails_its_job_by_name(new_daemon):
    daemon = new_daemon().start()
    daemon.client.dataset("n", line_data())
    daemon.client.network("n", [(4, "tanh"), (1, "linear")], 1)
    job = daemon.client.submit("n", "n", epochs=10000000)
    daemon.client.running(job, 5)
    damaged(daemon, "UPDATE checkpoint_chunk SET bytes = "
                    "zeroblob(length(bytes))")
    client = daemon.start().client
    found = client.ended(job)
    assert found["status"] == "failed" and found["error"]["code"] == "corrupt"
    assert "checkpoint of job 1" in found["error"]["detail"]
    client.train("n", "n", epochs=1)


def test_damaged_pages_end_in_a_refusal_or_intact(new_daemon):
    """Random bytes all over the file: never a crash, never other weights."""
    daemon = new_daemon("--log-level", "error").start()
    fill(daemon.client)
    digest = daemon.client.version("n", 1)["sha256"]
    daemon.stop()
    path = daemon.directory / "test.db"
    whole = path.read_bytes()
    rng = random.Random(4)
    served = refused = 0
    for _ in range(40):
        bad = bytearray(whole)
        for _ in range(rng.choice((1, 1, 20))):
            bad[rng.randrange(len(bad))] = rng.randrange(256)
        if rng.random() < 0.2:
            del bad[rng.randrange(len(bad)):]
        path.write_bytes(bad)
        for suffix in ("-wal", "-shm"):
            (daemon.directory / f"test.db{suffix}").unlink(missing_ok=True)
        status, said = check(path)
        assert status in (0, 65, 75), said
        try:
            client = daemon.start().client
        except AssertionError:  # it said no, on one line
            assert daemon.wait() == 75
            refused += 1
            continue
        answer = client.request("GET", "/v1/networks/n/versions/1/weights",
                                check=False)
        assert answer.status in (200, 404, 500), answer
        if answer.status == 200:
            assert weights_sha256(answer.json) == digest
            served += 1
        daemon.kill()
        daemon.check_log()
    assert served > 0 and refused > 0
    path.write_bytes(whole)


def test_files_that_are_not_ours_are_left_alone(new_daemon, tmp_path):
    daemon = new_daemon().start()
    path = daemon.directory / "test.db"
    status, said = check(path)
    assert status == 75 and "in use by another process" in said
    status, said = check(tmp_path / "none.db")
    assert status == 75 and not (tmp_path / "none.db").exists()
    (tmp_path / "text.db").write_text("hello, world\n" * 1000)
    assert check(tmp_path / "text.db")[0] == 65
    daemon.stop()
    with sqlite3.connect(path) as link:
        link.execute("PRAGMA user_version = 999")
    link.close()
    status, said = check(path)
    assert status == 75 and "schema 999" in said


@pytest.mark.heavy
def test_a_hundred_copies(new_daemon):
    daemon = new_daemon().start()
    client = daemon.client
    fill(client)
    job = client.submit("n", "n", epochs=10000000)
    for i in range(100):
        client.network(f"x{i}", [(1, "linear")], 1)
        path = daemon.directory / "copy.db"
        backup(client, path)
        status, said = check(path)
        assert status == 0 and f"{i + 2} networks" in said, said
    client.ok("POST", f"/v1/jobs/{job}/cancel", 200)
