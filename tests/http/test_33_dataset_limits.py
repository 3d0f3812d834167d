"""What an operator sets for datasets, and what is said where it is hit."""

import re
import threading

import pytest

from support import line_data, wait_until

LIMITS = ("--dataset-columns", "3", "--dataset-categories", "4",
          "--dataset-row-kib", "1", "--dataset-rows", "50")


def hits(client, limit):
    found = re.search(
        rf'^backpropd_limits_hit_total{{limit="{limit}"}} (\S+)$',
        client.get("/metrics").body.decode(), re.M)
    return float(found.group(1))


@pytest.fixture
def limited(new_daemon):
    return new_daemon(*LIMITS, "--datasets", "2").start().client


def put(client, text, query="", kind="text/csv"):
    return client.put("/v1/datasets/one" + query, body=text.encode(),
                      headers={"Content-Type": kind})


@pytest.mark.parametrize("text, kind, code, limit, word", [
    ("a,b,c,y\n1,2,3,4\n", "text/csv", "too_many_columns", "dataset_columns",
     "more than 3 columns"),
    ("a,y\n" + "".join(f"n{i},{i}\n" for i in range(5)), "text/csv",
     "too_many_categories", "dataset_categories", "more than 4 distinct"),
    ("a,y\n1,2\n" + "1" * 2000 + ",3\n", "text/csv", "row_too_long",
     "dataset_row_kib", "more than 1024 bytes"),
    ('{"a": 1, "y": 2}\n{"a": "' + "x" * 2000 + '", "y": 2}\n',
     "application/x-ndjson", "row_too_long", "dataset_row_kib",
     "more than 1024 bytes"),
    ('[{"a": 1, "y": 2}, {"a": "' + "x" * 2000 + '", "y": 2}]',
     "application/json", "row_too_long", "dataset_row_kib",
     "more than 1024 bytes"),
    ("a,y\n" + "1,2\n" * 51, "text/csv", "too_many_rows", "dataset_rows",
     "more than 50 rows"),
])
def test_a_limit_says_so(limited, text, kind, code, limit, word):
    query = "?types=a:categorical" if limit == "dataset_categories" else ""
    answer = put(limited, text, query, kind)
    assert answer.status == 422 and answer.json["code"] == code, answer
    said = answer.json.get("errors", [answer.json])[0]["detail"]
    assert word in said and limit in said
    assert hits(limited, limit) == 1
    assert limited.get("/v1/datasets/one").status == 404


def test_what_is_within_them(limited):
    text = "a,b,y\n" + "".join(f"n{i % 4},1,{i}\n" for i in range(50))
    assert put(limited, text).status == 201


def test_the_number_of_datasets(limited):
    limited.dataset("a", line_data(40))
    limited.dataset("b", line_data(40))
    answer = limited.put("/v1/datasets/c", body=b"x,y\n1,2\n",
                         headers={"Content-Type": "text/csv"})
    assert answer.status == 507 and answer.json["code"] == "too_many_datasets"
    assert hits(limited, "datasets") == 1
    limited.ok("DELETE", "/v1/datasets/a", 204)
    limited.dataset("c", line_data(40))


def rows_of(n):
    """About 1 MiB in storage for 65000 of them."""
    return ("p,q,r,y\n" + "".join(
        f"{i},{i * 7 % 1000},{i * 13 % 999},0.5\n" for i in range(n))).encode()


CSV = {"Content-Type": "text/csv"}


def test_the_storage_of_all_of_them(new_daemon):
    client = new_daemon("--datasets-mib", "3").start().client
    for name in ("a", "b"):
        client.dataset(name, rows_of(70000).decode())
    answer = client.put("/v1/datasets/c", body=rows_of(70000), headers=CSV)
    assert answer.status == 507 and answer.json["code"] == "datasets_full"
    assert "datasets_mib" in answer.json["detail"]
    answer = client.post("/v1/datasets/a/rows", body=rows_of(70000),
                         headers=CSV)
    assert answer.status == 507, answer
    assert hits(client, "datasets_mib") == 2
    assert client.get("/v1/datasets/a").json["rows"] == 70000
    # What was refused takes no room, and what is deleted gives some back.
    client.dataset("small", line_data(40))
    client.ok("DELETE", "/v1/datasets/a", 204)
    wait_until(lambda: client.put("/v1/datasets/d", body=rows_of(70000),
                                  headers=CSV).status == 201, 20)


def test_uploads_at_once_share_the_storage(new_daemon):
    client = new_daemon("--datasets-mib", "8").start().client
    body, answers = rows_of(200000), []  # 3 MiB each

    def put(i):
        answers.append(client.put(f"/v1/datasets/d{i}", body=body, headers=CSV))
    threads = [threading.Thread(target=put, args=(i,)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stored = [a for a in answers if a.status == 201]
    refused = [a for a in answers if a.status == 507]
    assert len(stored) + len(refused) == 6, answers
    assert len(stored) <= 2
    assert hits(client, "datasets_mib") == len(refused)
    # All of the room is there for those that come after.
    for i in range(2 - len(stored)):
        wait_until(lambda: client.put(f"/v1/datasets/later{i}", body=body,
                                      headers=CSV).status == 201, 20)


def test_one_upload_beyond_the_storage(new_daemon):
    client = new_daemon("--datasets-mib", "2").start().client
    answer = client.put("/v1/datasets/a", body=rows_of(200000), headers=CSV)
    assert answer.status == 507 and answer.json["code"] == "datasets_full"
    assert client.get("/v1/datasets/a").status == 404


def test_the_size_of_the_database(new_daemon):
    daemon = new_daemon("--database-mib", "4").start()
    client = daemon.client
    client.network("net", [(2, "tanh"), (1, "linear")], 1)
    rows = "x,y\n" + "".join(f"{i},{i * 3 % 7}\n" for i in range(800000))
    answer = put(client, rows)
    assert answer.status == 507 and "database_mib" in answer.json["detail"]
    # Nothing is kept of it, and what is small goes on.
    assert client.get("/v1/datasets/one").status == 404
    client.dataset("two", line_data(40))
    client.train("net", "two", epochs=2)
    assert daemon.stop() is None
