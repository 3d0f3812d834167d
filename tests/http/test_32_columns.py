"""Columns: what they are found to be, pages of rows, rows appended."""

import hashlib

import pytest

from support import multipart, npy, wait_until

MIXED = ("when,ok,zip,kind,note,size\n"
         "2024-02-29 17:30,yes,10,red,the cat sat,1.5\n"
         ",no,20,,,2\n"
         "2024-03-01 08:00,,10,blue,a dog,3.25\n"
         "2024-03-02 09:15,yes,30,red,the dog,4\n")
TYPES = "?types=zip:class,note:text&text_size=32"


def columns(dataset):
    return {c["name"]: c for c in dataset["columns"]}


def append(client, name, body, query="", kind="text/csv"):
    return client.post(f"/v1/datasets/{name}/rows{query}", body=body,
                       headers={"Content-Type": kind})


# --- types ------------------------------------------------------------------------

def test_every_type_is_found_and_shown(client, name):
    found = columns(client.dataset(name, MIXED, TYPES))
    assert [c["type"] for c in found.values()] == [
        "datetime", "boolean", "class", "categorical", "text", "numeric"]
    assert found["ok"]["categories"] == ["no", "yes"]
    assert found["zip"]["categories"] == ["10", "20", "30"]
    assert found["note"]["text"] == {"size": 32, "words": [1, 1],
                                     "characters": [0, 0]}
    assert [c["missing"] for c in found.values()] == [1, 1, 0, 1, 1, 0]


def test_the_width_of_inputs_follows_from_the_types(client, name):
    dataset = client.dataset(name, MIXED, TYPES)
    assert dataset["input_shape"] == [5 + 1 + 3 + 2 + 32]


def test_a_column_is_summed_up(client, name):
    rows = "".join(f"{i % 10},{'abc'[i % 3]},0.5\n" for i in range(100))
    found = columns(client.dataset(name, "x,c,y\n" + rows))
    x = found["x"]
    assert (x["distinct"], x["sampled"]) == (10, 100)
    assert x["quantiles"] == {"0.05": 0, "0.25": 2, "0.5": 4.5, "0.75": 7,
                              "0.95": 9}
    assert sum(x["histogram"]) == 100 and len(x["histogram"]) == 20
    assert found["c"]["top"] == [{"value": "a", "count": 34},
                                 {"value": "b", "count": 33},
                                 {"value": "c", "count": 33}]


@pytest.mark.parametrize("query", [
    "?text_size=0", "?text_size=x", "?text_words=2-1", "?text_words=9",
    "?text_words=0", "?text_characters=a", "?types=x:words"])
def test_a_bad_query(client, name, query):
    answer = client.put(f"/v1/datasets/{name}{query}", body="x,y\n1,a\n2,b\n",
                        headers={"Content-Type": "text/csv"})
    assert answer.status == 400, answer


# --- rows -------------------------------------------------------------------------

def test_rows_come_as_they_were_written(client, name):
    client.dataset(name, MIXED, TYPES)
    page = client.ok("GET", f"/v1/datasets/{name}/rows", 200)
    assert page["next"] is None
    assert page["data"][:2] == [
        {"when": "2024-02-29 17:30", "ok": "yes", "zip": 10, "kind": "red",
         "note": "the cat sat", "size": 1.5},
        {"when": None, "ok": "no", "zip": 20, "kind": None, "note": None,
         "size": 2}]
    assert len(page["data"]) == 4


def test_pages_of_rows_neither_miss_nor_repeat(client, name):
    body = "x,y\n" + "".join(f"{i},{i % 2}\n" for i in range(250))
    client.dataset(name, body)
    seen, after = [], 0
    while after is not None:
        page = client.ok(
            "GET", f"/v1/datasets/{name}/rows?limit=60&after={after}", 200)
        seen += [row["x"] for row in page["data"]]
        after = page["next"]
    assert seen == list(range(250))
    page = client.ok("GET", f"/v1/datasets/{name}/rows?after=250", 200)
    assert page == {"data": [], "next": None}


def test_rows_of_arrays_are_nested(client, name):
    kind, body = multipart(("inputs", npy((3, 2, 2), range(12))),
                           ("targets", npy((3,), [0.5, 1.5, 2.5])))
    assert client.put(f"/v1/datasets/{name}", body=body,
                      headers={"Content-Type": kind}).status == 201
    page = client.ok("GET", f"/v1/datasets/{name}/rows?after=1&limit=1", 200)
    assert page == {"data": [{"inputs": [[4, 5], [6, 7]], "targets": 1.5}],
                    "next": 2}


def test_rows_of_nothing(client, name):
    assert client.get(f"/v1/datasets/{name}/rows").status == 404
    client.dataset(name, "x,y\n1,2\n")
    assert client.get(f"/v1/datasets/{name}/rows?revision=2").status == 404
    assert client.get(f"/v1/datasets/{name}/rows?after=x").status == 400


# --- revisions ----------------------------------------------------------------------

def test_appended_rows_make_a_revision(client, name):
    first = client.dataset(name, "x,y\n1,a\n2,b\n")
    assert first["revision"] == 1
    more = b"x,y\n3,a\n,c\n"
    answer = append(client, name, more)
    assert answer.status == 201, answer
    second = answer.json
    assert (second["revision"], second["rows"]) == (2, 4)
    assert second["classes"] == ["a", "b", "c"]
    assert columns(second)["x"]["missing"] == 1
    assert second["sha256"] == hashlib.sha256(
        bytes.fromhex(first["sha256"]) + more).hexdigest()
    assert second == client.ok("GET", f"/v1/datasets/{name}", 200)
    rows = client.ok("GET", f"/v1/datasets/{name}/rows", 200)["data"]
    assert [row["x"] for row in rows] == [1, 2, 3, None]
    old = client.ok("GET", f"/v1/datasets/{name}/rows?revision=1", 200)["data"]
    assert old == rows[:2]


def test_a_dataset_is_not_deleted_while_rows_are_appended(client, name):
    client.dataset(name, "x,y\n1,a\n2,b\n")
    with client.connect() as link:
        link.sendall((f"POST /v1/datasets/{name}/rows HTTP/1.1\r\n"
                      "Host: localhost\r\nContent-Type: text/csv\r\n"
                      "Content-Length: 1000\r\n\r\nx,y\n").encode())
        wait_until(lambda: append(client, name, "x,y\n3,a\n").status == 409)
        answer = client.delete(f"/v1/datasets/{name}")
        assert (answer.status, answer.json["code"]) == (409, "dataset_busy")
    # The client is gone, and the append with it.
    wait_until(lambda: append(client, name, "x,y\n3,a\n").status == 201)
    client.ok("DELETE", f"/v1/datasets/{name}", 204)


def test_rows_as_objects_a_line(client, name):
    client.dataset(name, "x,y\n1,a\n2,b\n")
    answer = append(client, name, '{"y": "a", "x": 5}\n',
                    kind="application/x-ndjson")
    assert answer.status == 201, answer
    assert answer.json["rows"] == 3


def test_rows_as_an_array_of_objects(client, name):
    client.dataset(name, "x,y\n1,a\n2,b\n")
    answer = append(client, name, '[{"y": "a", "x": 5}, {"y": "c"}]',
                    kind="application/json")
    assert answer.status == 201, answer
    assert answer.json["rows"] == 4
    assert columns(answer.json)["x"]["missing"] == 1


def test_wrong_rows_change_nothing(client, name):
    first = client.dataset(name, "x,y\n1,a\n2,b\n")
    for body in ("x,y\n3,a\nabc,b\n", "y,x\na,3\n", "x,y\n"):
        assert append(client, name, body).status == 422
    assert client.ok("GET", f"/v1/datasets/{name}", 200) == first
    assert append(client, name, "x,y\n3,a\n").json["rows"] == 3


def test_wrong_rows_may_be_skipped(client, name):
    client.dataset(name, "x,y\n1,a\n2,b\n")
    answer = append(client, name, "x,y\n3,a\nabc,b\n", "?on_error=skip")
    assert answer.status == 201, answer
    assert answer.json["rows"] == 3
    assert answer.json["skipped"]["rows"] == 1


def form(client, name, method, *parts):
    kind, body = multipart(*parts)
    path = f"/v1/datasets/{name}" + ("/rows" if method == "POST" else "")
    return client.request(method, path, body=body,
                          headers={"Content-Type": kind})


def numbers(n, k):
    return [(i * 7 + k) % 100 / 8 for i in range(n)]


@pytest.mark.parametrize("forms", [("files", "files"), ("json", "json"),
                                   ("files", "json"), ("json", "files")])
@pytest.mark.parametrize("order", [("inputs", "targets"),
                                   ("targets", "inputs")])
def test_arrays_grow(client, name, order, forms):
    """In two halves or at once, as files or JSON: the same columns, rows and
    training."""
    def send(as_what, to, method, rows, first=0):
        x = numbers(rows * 6 + first * 6, 1)[first * 6:]
        t = [(i * i) % 3 for i in range(first, first + rows)]
        if as_what == "files":
            part = {"inputs": npy([rows, 2, 3], x),
                    "targets": npy([rows], t, "<i4")}
            return form(client, to, method, *((k, part[k]) for k in order))
        part = {"inputs": [[x[i:i + 3], x[i + 3:i + 6]]
                           for i in range(0, 6 * rows, 6)], "targets": t}
        path = f"/v1/datasets/{to}" + ("/rows" if method == "POST" else "")
        return client.request(method, path,
                              json_body={k: part[k] for k in order})

    whole = send(forms[0], name + ".all", "PUT", 90).json
    first = send(forms[0], name, "PUT", 60).json
    answer = send(forms[1], name, "POST", 30, 60)
    assert answer.status == 201, answer
    grown = answer.json
    assert (grown["rows"], grown["revision"]) == (90, 2)
    for member in ("classes", "task", "input_shape", "target"):
        assert grown[member] == whole[member], member
    for a, b in zip(grown["columns"], whole["columns"]):
        for figure in ("mean", "std"):  # summed block by block
            assert a.get(figure) == pytest.approx(b.get(figure), rel=1e-12)
            a[figure] = b.get(figure)
        assert {**a, "mean": 0, "std": 0} == {**b, "mean": 0, "std": 0}
    page = [client.ok("GET", f"/v1/datasets/{n}/rows?limit=1000", 200)["data"]
            for n in (name, name + ".all")]
    assert page[0] == page[1]
    old = client.ok("GET", f"/v1/datasets/{name}/rows?revision=1", 200)["data"]
    assert old == page[1][:60] and first["rows"] == 60
    client.ok("POST", "/v1/networks", 201, json_body={
        "name": name, "dataset": name,
        "layers": [{"type": "flatten"}, {"type": "dense"}]})
    digests = {client.version(name, client.train(
        name, data, epochs=2, start_from="initial")["result"]["version"])["sha256"]
        for data in (name, name + ".all")}
    assert len(digests) == 1


def test_arrays_that_do_not_fit_change_nothing(client, name):
    made = form(client, name, "PUT", ("inputs", npy([4, 2], numbers(8, 1))),
                ("targets", npy([4], numbers(4, 2)))).json
    x, t = npy([2, 2], numbers(4, 3)), npy([2], numbers(2, 4))
    for parts, place in (
            ((("inputs", npy([2, 3], numbers(6, 1))), ("targets", t)), "inputs"),
            ((("inputs", x), ("targets", npy([3], numbers(3, 1)))), "targets"),
            ((("targets", t), ("inputs", x)), "targets"),
            ((("inputs", x),), "targets"),
            ((("file", b"inputs,targets\n1,2\n"),), None)):
        answer = form(client, name, "POST", *parts)
        assert answer.status == 422, (parts, answer)
        assert place is None or place in str(answer.json), answer
    for body, place in (
            ({"inputs": [[1, 2, 3]], "targets": [1]}, "inputs"),
            ({"inputs": [[1, 2]], "targets": [1, 2]}, "targets"),
            ({"targets": [1], "inputs": [[1, 2]]}, "targets"),
            ({"inputs": [[1, 2]]}, "targets"),
            ({"columns": ["inputs", "targets"], "rows": [[1, 2]]}, "inputs")):
        answer = client.post(f"/v1/datasets/{name}/rows", json_body=body)
        assert answer.status == 422, (body, answer)
        assert place in str(answer.json), answer
    assert client.ok("GET", f"/v1/datasets/{name}", 200) == made
    assert form(client, name, "POST", ("inputs", x),
                ("targets", t)).json["rows"] == 6
    assert client.ok("POST", f"/v1/datasets/{name}/rows", 201, json_body={
        "inputs": [[1, 2]], "targets": [3]})["rows"] == 7


def test_a_table_and_arrays_do_not_mix(client, name):
    """Also where their columns are called the same."""
    arrays = (("inputs", npy([3], [1, 2, 3])), ("targets", npy([3], [4, 5, 6])))
    table = ("file", b"inputs,targets\n1,2\n3,4\n")
    for first, other in ((arrays, (table,)), ((table,), arrays)):
        made = form(client, name, "PUT", *first).json
        assert form(client, name, "POST", *other).status == 422
        assert client.ok("GET", f"/v1/datasets/{name}", 200) == made
        assert client.delete(f"/v1/datasets/{name}").status == 204


def test_only_what_fits_is_appended(client, name):
    client.rows(name, [[0], [1]], [0.5, 1])
    assert append(client, name, "inputs,targets\n1,2\n").status == 422
    assert append(client, name + ".not", "x,y\n1,2\n").status == 404
    client.dataset(name + ".table", "x,y\n1,2\n")
    assert form(client, name + ".table", "POST",
                ("inputs", npy([1], [1]))).status == 422


def test_a_job_names_the_revision_it_trains_on(client, name):
    first = client.dataset(name, "x,y\n1,a\n2,b\n3,a\n4,b\n")
    client.network(name, [(2, "softmax")], 1, "cross_entropy")
    old = client.train(name, name, epochs=1)
    assert old["dataset_revision"] == 1
    second = append(client, name, "x,y\n5,a\n").json
    new = client.train(name, name, epochs=1)
    assert new["dataset_revision"] == 2
    again = client.train(name, name, epochs=1, dataset_revision=1,
                         start_from="initial")
    assert again["dataset_revision"] == 1
    digests = [client.ok("GET", f"/v1/networks/{name}/versions/{v}", 200)
               ["dataset_sha256"] for v in (1, 2, 3)]
    assert digests == [first["sha256"], second["sha256"], first["sha256"]]
    answer = client.post("/v1/jobs", json_body={
        "network": name, "dataset": name, "dataset_revision": 3})
    assert answer.status == 422 and answer.pointers == ["/dataset_revision"]
