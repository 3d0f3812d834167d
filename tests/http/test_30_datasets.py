"""Datasets: every form read, bad rows named, nothing left of a failure."""

import hashlib
import json
import math
import select
import socket
import struct

import pytest

from support import TIME, gzipped, idx, multipart, npy, wait_until


def put_csv(client, name, body, query=""):
    return client.put(f"/v1/datasets/{name}{query}", body=body,
                      headers={"Content-Type": "text/csv"})


def put_parts(client, name, *parts, query=""):
    kind, body = multipart(*parts)
    return client.put(f"/v1/datasets/{name}{query}", body=body,
                      headers={"Content-Type": kind})


def columns(dataset):
    return {c["name"]: c for c in dataset["columns"]}


# --- CSV ------------------------------------------------------------------------

def test_csv_answers_all_there_is_to_know(client, name):
    body = ("length,width,kind\n1,10,rose\n2,,tulip\n3,30,rose\n4,40,aster\n"
            ).encode()
    answer = put_csv(client, name, body)
    assert answer.status == 201, answer
    assert answer.headers["Location"] == f"/v1/datasets/{name}"
    dataset = answer.json
    assert dataset == client.ok("GET", f"/v1/datasets/{name}", 200)
    assert dataset["name"] == name
    assert dataset["rows"] == 4
    assert dataset["bytes"] == len(body)
    assert dataset["sha256"] == hashlib.sha256(body).hexdigest()
    assert dataset["task"] == "classification"
    assert dataset["classes"] == ["aster", "rose", "tulip"]
    assert dataset["input_shape"] == [2]
    assert TIME.match(dataset["created_at"])
    assert dataset["target"] in ("kind", ["kind"])

    found = columns(dataset)
    assert list(found) == ["length", "width", "kind"]
    length = found["length"]
    assert length["type"] == "numeric" and length["missing"] == 0
    assert (length["min"], length["max"], length["mean"]) == (1, 4, 2.5)
    assert math.isclose(length["std"], math.sqrt(1.25), rel_tol=1e-6)
    assert found["width"]["missing"] == 1
    assert found["kind"]["type"] == "categorical"
    assert set(found["kind"]["categories"]) == {"rose", "tulip", "aster"}


def test_the_target_can_be_named(client, name):
    dataset = client.dataset(name, "y,a,b\n1.5,2,3\n2.5,4,5\n", "?target=y")
    assert dataset["target"] in ("y", ["y"])
    assert dataset["task"] == "regression"
    assert dataset["input_shape"] == [2]


def test_several_targets_are_a_regression(client, name):
    dataset = client.dataset(name, "a,y,z\n1,2,3\n4,5,6\n", "?target=y,z")
    assert dataset["target"] == ["y", "z"]
    assert dataset["task"] == "regression"


def test_few_whole_numbers_are_classes(client, name):
    rows = "".join(f"{i},{i % 3}\n" for i in range(12))
    dataset = client.dataset(name, "x,y\n" + rows)
    assert dataset["task"] == "classification"
    assert dataset["classes"] == ["0", "1", "2"]


def test_classes_that_are_numbers_are_in_their_order(client, name):
    rows = "".join(f"{i},{[10, 9, 2][i % 3]}\n" for i in range(12))
    assert client.dataset(name, "x,y\n" + rows)["classes"] == ["2", "9", "10"]


def test_the_task_can_be_told(client, name):
    rows = "x,y\n" + "".join(f"{i},{i % 2}\n" for i in range(10))
    dataset = client.dataset(name, rows, "?task=regression")
    assert dataset["task"] == "regression"


def test_types_override_what_was_found(client, name):
    dataset = client.dataset(
        name, "id,zip,x,y\n7,12345,1,a\n8,54321,2,b\n",
        "?types=id:ignored,zip:categorical")
    found = columns(dataset)
    assert found["id"]["type"] == "ignored"
    assert found["zip"]["type"] == "categorical"
    assert set(found["zip"]["categories"]) == {"12345", "54321"}
    assert found["x"]["type"] == "numeric"


@pytest.mark.parametrize("word", [
    "", "NA", "NaN", "null", "?", "nan", "NAN", "-nan", "-NaN", "N/A", "n/a",
    "#N/A", "#NA", "<NA>", "NULL", "Null"])
def test_ways_to_say_missing(client, name, word):
    dataset = client.dataset(name, f"x,y\n1,a\n{word},b\n3,a\n")
    x = columns(dataset)["x"]
    assert (x["type"], x["missing"], x["mean"]) == ("numeric", 1, 2)


@pytest.mark.parametrize("word", ["None", "-", ".", "inf", "na", "NIL"])
def test_what_may_be_a_category_is_not_missing(client, name, word):
    dataset = client.dataset(name, f"x,y\n1,a\n{word},b\n3,a\n")
    x = columns(dataset)["x"]
    assert (x["type"], x["missing"]) == ("categorical", 0)
    assert word in x["categories"]


def test_no_target_may_be_missing_however_it_is_written(client, name):
    answer = put_csv(client, name, "x,y\n1,a\n2,NULL\n")
    assert answer.status == 422 and "missing" in str(answer.json), answer


@pytest.mark.parametrize("body", [
    'x,y\r\n1,a\r\n2,b\r\n', 'x,y\n1,a\n2,b', '"x","y"\n"1","a"\n2,b\n',
    "x,y\n1,a\n2,b\n\n"],
    ids=["crlf", "no-final-newline", "quoted", "empty-last-line"])
def test_one_table_in_many_spellings(client, name, body):
    dataset = client.dataset(name, body)
    assert dataset["rows"] == 2
    assert list(columns(dataset)) == ["x", "y"]
    assert dataset["classes"] == ["a", "b"]


def test_quotes_hold_commas_newlines_and_quotes(client, name):
    dataset = client.dataset(
        name, 'x,y\n1,"a, b"\n2,"line\nbreak"\n3,"say ""hi"""\n')
    assert set(dataset["classes"]) == {"a, b", "line\nbreak", 'say "hi"'}


def test_names_in_any_script(client, name):
    dataset = client.dataset(name, "größe,class\n1,日本\n2,<b>\n")
    assert list(columns(dataset)) == ["größe", "class"]
    assert set(dataset["classes"]) == {"日本", "<b>"}


def test_without_a_header(client, name):
    dataset = client.dataset(name, "1,2,a\n3,4,b\n", "?header=false")
    assert dataset["rows"] == 2 and len(dataset["columns"]) == 3


def test_numbers_as_people_write_them(client, name):
    dataset = client.dataset(name, "x,y\n+1,a\n.5,b\n-2e-3,a\n1E2,b\n")
    x = columns(dataset)["x"]
    assert x["type"] == "numeric" and (x["min"], x["max"]) == (-0.002, 100)


@pytest.mark.parametrize("word", ["0x10", "1_000", "inf", "1,5", "12 ", "abc"])
def test_what_is_no_number_makes_a_category(client, name, word):
    dataset = client.dataset(name, f'x,y\n1,a\n"{word}",b\n')
    x = columns(dataset)["x"]
    assert x["type"] == "categorical", x
    assert set(x["categories"]) == {"1", word}


@pytest.mark.parametrize("body, line", [
    ("x,y\n1,a\n1,2,3\n", 3),
    ("x,y\n1,a\n1\n", 3),
    ('x,y\n1,a\n2,"b', 3),
    ('x,y\n1,a\n2,"b"c\n', 3),
    ("x,y\n1,a\n2,\xff\n".encode("latin-1"), 3),
], ids=["too-many", "too-few", "open-quote", "after-quote", "not-utf-8"])
def test_a_bad_row_is_named_and_nothing_kept(client, name, body, line):
    answer = put_csv(client, name, body)
    assert answer.status == 422, answer
    assert answer.place[0] == line, answer
    assert client.get(f"/v1/datasets/{name}").status == 404
    client.dataset(name, "x,y\n1,a\n2,b\n")


def test_a_word_where_a_number_was_promised(client, name):
    answer = put_csv(client, name, "x,z,y\n1,2,a\n3,four,b\n",
                     "?types=z:numeric")
    assert answer.status == 422, answer
    assert answer.place == (3, 2), answer


@pytest.mark.parametrize("body", [
    "x,y\n", "x,x,y\n1,2,a\n", "y\n1\n2\n"],
    ids=["no-rows", "a-name-twice", "no-input"])
def test_tables_nobody_can_train_on(client, name, body):
    assert put_csv(client, name, body).status == 422
    assert client.get(f"/v1/datasets/{name}").status == 404


@pytest.mark.parametrize("query, status", [
    ("?target=nobody", (422, 400)), ("?types=nobody:numeric", (422, 400)),
    ("?types=x:number", (400,)), ("?types=x", (400,)),
    ("?task=magic", (400,)), ("?header=maybe", (400,)),
    ("?colour=red", (400,)), ("?task=classification&task=regression", (400,))])
def test_a_bad_query(client, name, query, status):
    answer = put_csv(client, name, "x,y\n1,a\n2,b\n", query)
    assert answer.status in status, answer
    assert client.get(f"/v1/datasets/{name}").status == 404


def test_an_empty_body_is_malformed(client, name):
    assert put_csv(client, name, "").status == 400


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "csv"])
def test_another_media_type_is_refused(client, name, kind):
    assert client.put(f"/v1/datasets/{name}", body="x,y\n1,a\n",
                      headers={"Content-Type": kind}).status == 415


@pytest.mark.parametrize("text", ["Upper", "-a", "a%20b", "a" * 64, "%2e%2e"])
def test_a_bad_name_is_refused(client, text):
    assert put_csv(client, text, "x,y\n1,a\n2,b\n").status in (404, 422)


def test_one_byte_at_a_time(client, name):
    body = b'x,y\r\n1,"a ""b"""\r\n2,"c\nd"\r\n'
    answer = put_csv(client, name, (body[i:i + 1] for i in range(len(body))))
    assert answer.status == 201, answer
    assert set(answer.json["classes"]) == {'a "b"', "c\nd"}
    assert answer.json["sha256"] == hashlib.sha256(body).hexdigest()


def test_packed_by_the_client(client, name):
    answer = client.put(f"/v1/datasets/{name}", body=gzipped(
        b"x,y\n1,a\n2,b\n"), headers={"Content-Type": "text/csv",
                                      "Content-Encoding": "gzip"})
    assert answer.status == 201, answer
    assert answer.json["rows"] == 2


def test_a_table_of_several_megabytes(client, name):
    rows = 60000
    lines = (f"{i},{i * 0.25},{i % 7},{i * i % 1000 / 8},{'ab'[i % 2]}\n"
             for i in range(rows))
    body = ("a,b,c,d,y\n" + "".join(lines)).encode()
    dataset = put_csv(client, name, body).json
    assert dataset["rows"] == rows
    found = columns(dataset)
    assert found["a"]["max"] == rows - 1
    assert math.isclose(found["b"]["mean"], (rows - 1) / 8, rel_tol=1e-6)
    assert dataset["sha256"] == hashlib.sha256(body).hexdigest()


def test_a_delimiter_is_found_or_given(client, name):
    found = client.dataset(name, "x;y\n1,5;a\n2,5;b\n")
    assert list(columns(found)) == ["x", "y"]
    given = put_csv(client, name + ".given", "x|y;z\n1|2\n",
                    "?delimiter=%7C").json
    assert list(columns(given)) == ["x", "y;z"]
    answer = put_csv(client, name + ".not", "x,y\n1,2\n", "?delimiter=:")
    assert answer.status == 400, answer


def test_columns_are_renamed(client, name):
    dataset = client.dataset(name, "1,2,a\n3,4,b\n",
                             "?header=false&columns=width,height,kind")
    assert list(columns(dataset)) == ["width", "height", "kind"]
    assert dataset["target"] == ["kind"]
    answer = put_csv(client, name + ".not", "x,y\n1,2\n", "?columns=a")
    assert answer.status == 422, answer


def test_wrong_rows_are_skipped_where_that_is_asked(client, name):
    body = "x,y\n" + "".join(
        f"{i},a\n{i}\n{i},b\n" for i in range(12)) + "7,a,b\n8,\n"
    dataset = client.dataset(name, body, "?on_error=skip")
    assert dataset["rows"] == 24
    assert dataset["skipped"]["rows"] == 14
    assert len(dataset["skipped"]["errors"]) == 10
    assert dataset["skipped"]["errors"][0] == {
        "where": "line 3, column 2",
        "detail": "found the end of the row after 1 field, expected 2"}
    assert dataset == client.ok("GET", f"/v1/datasets/{name}", 200)


@pytest.mark.parametrize("pack", [bytes, gzipped], ids=["plain", "gzip"])
@pytest.mark.parametrize("filename, body", [
    ("a.csv", b"x\ty\n1\ta\n2\tb\n"),
    ("a.ndjson", b'{"x": 1, "y": "a"}\n{"x": 2, "y": "b"}'),
    ("a.json", b'{"columns": ["x", "y"], "rows": [[1, "a"], [2, "b"]]}')])
def test_a_file_in_a_form(client, name, filename, body, pack):
    head = (b'--x\r\nContent-Disposition: form-data; name="file"; filename="'
            + filename.encode() + b'"\r\n\r\n')
    answer = client.post(f"/v1/datasets?name={name}", body=head + pack(body)
                         + b"\r\n--x--\r\n", headers={
        "Content-Type": "multipart/form-data; boundary=x"})
    assert answer.status == 201, answer
    assert answer.headers["Location"] == f"/v1/datasets/{name}"
    assert answer.json["name"] == name
    assert list(columns(answer.json)) == ["x", "y"]
    assert answer.json["rows"] == 2


def test_a_post_needs_a_name(client):
    answer = client.post("/v1/datasets", body="x,y\n1,2\n",
                         headers={"Content-Type": "text/csv"})
    assert answer.status == 400, answer


# --- NDJSON -----------------------------------------------------------------------

def test_an_object_a_line(client, name):
    answer = client.put(f"/v1/datasets/{name}", body=(
        '{"x": 1, "colour": "red", "y": 0.5}\n'
        '{"colour": null, "y": 1.5, "x": 2}\n\n{"y": 2, "x": 3}\n'),
        headers={"Content-Type": "application/x-ndjson"})
    assert answer.status == 201, answer
    found = columns(answer.json)
    assert list(found) == ["x", "colour", "y"]
    assert (answer.json["rows"], found["colour"]["missing"]) == (3, 2)


@pytest.mark.parametrize("line, column", [
    ('{"x": 1, "y": [2]}', 15), ('{"x": 1, "z": 2}', 10), ('{"x": 1, "y": }', 15),
    ('{"x": 1, "x": 2}', 10), ("[1, 2]", 1), ('{"x": 1}', 1)])
def test_a_line_that_is_no_row(client, name, line, column):
    answer = client.put(f"/v1/datasets/{name}", body=(
        '{"x": 1, "y": 2}\n' + line + "\n"),
        headers={"Content-Type": "application/x-ndjson"})
    assert answer.status in (400, 422), answer
    assert answer.place == (2, column), answer
    assert client.get(f"/v1/datasets/{name}").status == 404


# --- JSON -----------------------------------------------------------------------

def test_inputs_and_targets(client, name):
    dataset = client.rows(name, [[0, 1], [2, 3], [4, 5]], [[1.5], [2], [3]])
    assert dataset["rows"] == 3
    assert dataset["input_shape"] == [2]
    assert dataset["task"] == "regression"


def test_targets_without_their_brackets(client, name):
    assert client.rows(name, [[0], [1]], [0.5, 1])["rows"] == 2


def test_columns_and_rows(client, name):
    dataset = client.ok("PUT", f"/v1/datasets/{name}", 201, json_body={
        "columns": ["x", "y", "colour"],
        "rows": [[1, 2.5, "red"], [2, None, "blue"], [3, 4, "red"]]})
    found = columns(dataset)
    assert found["y"]["missing"] == 1
    assert dataset["classes"] == ["blue", "red"]


RECORDS = [{"x": 1, "y": 2.5, "colour": "red"},
           {"x": 2, "y": None, "colour": "blue"}, {"colour": "red", "x": 3}]


def test_an_array_of_objects_is_its_objects_a_line(client, name):
    """df.to_json(orient="records"), as it comes."""
    array = client.ok("PUT", f"/v1/datasets/{name}", 201, json_body=RECORDS)
    assert array["rows"] == 3 and array["classes"] == ["blue", "red"]
    assert columns(array)["y"]["missing"] == 2
    lines = client.ok(
        "PUT", f"/v1/datasets/{name}.lines", 201,
        body="".join(json.dumps(x) + "\n" for x in RECORDS),
        headers={"Content-Type": "application/x-ndjson"})
    for of_the_upload in ("name", "bytes", "sha256", "created_at"):
        del array[of_the_upload], lines[of_the_upload]
    assert array == lines
    # The query says the same of both, and a file may be one.
    some = client.ok("PUT", f"/v1/datasets/{name}.y?target=x&types=y:ignored",
                     201, json_body=RECORDS)
    assert some["target"] == ["x"] and some["input_shape"] == [2]
    kind, body = multipart(("file", json.dumps(RECORDS).encode()))
    client.ok("POST", f"/v1/datasets?name={name}.f", 201,
              body=body.replace(b'filename="file"', b'filename="r.json"'),
              headers={"Content-Type": kind})


@pytest.mark.parametrize("body, place", [
    ('[{"x": 1, "y": 2},\n {"x": 1}]', (2, 1)),
    ('[{"x": 1, "y": 2},\n {"x": 1, "y": 2, "z": 3}]', (2, 19)),
    ('[{"x": 1, "y": 2},\n [3, 4]]', (2, 2)), ("[]", (1, 2)),
    ('[{"x": 1, "y": 2},\n {"x": {}, "y": 1}]', (2, 8))])
def test_a_bad_object_of_an_array_is_named(client, name, body, place):
    answer = client.put(f"/v1/datasets/{name}", body=body)
    assert answer.status == 422 and answer.place == place, answer
    assert client.get(f"/v1/datasets/{name}").status == 404
    answer = client.put(f"/v1/datasets/{name}?on_error=skip",
                        json_body=RECORDS)
    assert answer.status == 422 and "NDJSON" in str(answer.json)


@pytest.mark.parametrize("body", [
    {"inputs": [[1, 2], [3]], "targets": [1, 2]},
    {"inputs": [[1], [2]], "targets": [1]},
    {"inputs": [[1], ["x"]], "targets": [1, 2]},
    {"inputs": [], "targets": []},
    {"inputs": [[1]]},
    {"columns": ["a", "b"], "rows": [[1, 2], [3]]},
    {"columns": ["a", "a"], "rows": [[1, 2]]},
    {"columns": [], "rows": []},
    {"rows": [[1, 2]]},
    {"inputs": [[1]], "targets": [1], "weights": [1]},
    {"inputs": [[1e39]], "targets": [1]},
    {}, [], 1])
def test_json_that_is_no_table(client, name, body):
    answer = client.put(f"/v1/datasets/{name}", json_body=body)
    assert answer.status in (400, 422), answer
    assert client.get(f"/v1/datasets/{name}").status == 404


@pytest.mark.parametrize("body", [
    '{"inputs": [[1]], "targets": [1]', '{"inputs": [[NaN]], "targets": [1]}',
    "{'inputs': 1}", "{"])
def test_what_is_not_json(client, name, body):
    answer = client.put(f"/v1/datasets/{name}", body=body)
    assert answer.status in (400, 422), answer
    assert client.get(f"/v1/datasets/{name}").status == 404


# --- arrays ----------------------------------------------------------------------

IMAGES = idx((4, 2, 3), range(24))
DIGITS = idx((4,), [3, 1, 3, 1])


@pytest.mark.parametrize("pack", [bytes, gzipped], ids=["plain", "gzip"])
def test_idx_images(client, name, pack):
    answer = put_parts(client, name, ("inputs", pack(IMAGES)),
                       ("targets", pack(DIGITS)), query="?task=classification")
    assert answer.status == 201, answer
    dataset = answer.json
    assert dataset["rows"] == 4
    assert dataset["input_shape"] == [1, 2, 3]
    assert dataset["classes"] == ["1", "3"]


@pytest.mark.parametrize("kind", ["<f4", "<f8", "<i8", "<i4", "|u1"])
def test_npy_arrays(client, name, kind):
    answer = put_parts(client, name,
                       ("inputs", npy((3, 2), [1, 2, 3, 4, 5, 6], kind)),
                       ("targets", npy((3,), [0.5, 1.5, 2.5])))
    assert answer.status == 201, answer
    assert answer.json["rows"] == 3
    assert answer.json["input_shape"] == [2]
    assert answer.json["task"] == "regression"


def test_targets_may_come_first(client, name):
    answer = put_parts(client, name, ("targets", DIGITS), ("inputs", IMAGES))
    assert answer.status == 201, answer


def test_the_digest_is_of_the_files(client, name):
    answer = put_parts(client, name, ("inputs", IMAGES), ("targets", DIGITS))
    assert answer.json["sha256"] == hashlib.sha256(IMAGES + DIGITS).hexdigest()
    assert answer.json["bytes"] == len(IMAGES + DIGITS)


@pytest.mark.parametrize("parts", [
    [("inputs", IMAGES)],
    [("targets", DIGITS)],
    [("inputs", IMAGES), ("inputs", DIGITS)],
    [("inputs", IMAGES), ("targets", DIGITS), ("extra", DIGITS)],
    [("images", IMAGES), ("targets", DIGITS)],
    [("inputs", IMAGES), ("targets", idx((3,), [3, 1, 3]))],
    [("inputs", IMAGES), ("targets", DIGITS[:-1])],
    [("inputs", IMAGES), ("targets", DIGITS + b"x")],
    [("inputs", IMAGES[:10]), ("targets", DIGITS)],
    [("inputs", b"what is this?" * 10), ("targets", DIGITS)],
    [("inputs", b""), ("targets", DIGITS)],
    [("inputs", b"\x93NUMPY\x01\x00\xff\xff{"), ("targets", DIGITS)],
    [("inputs", npy((4, 2), range(8))), ("file", b"x,y\n1,2\n")],
    [("inputs", npy((4, 2), range(8)).replace(b"<f4", b"|O8")),
     ("targets", DIGITS)],
    [("inputs", npy((2**40, 2**40), [])), ("targets", DIGITS)],
    [("inputs", struct.pack(">BBBBIII", 0, 0, 8, 3, 2**31, 2**31, 2**31)),
     ("targets", DIGITS)],
])
def test_files_that_do_not_fit(client, name, parts):
    answer = put_parts(client, name, *parts)
    assert answer.status == 422, answer
    assert client.get(f"/v1/datasets/{name}").status == 404


def test_a_file_that_is_cut_short(client, name):
    answer = put_parts(client, name, ("inputs", gzipped(IMAGES)[:-6]),
                       ("targets", DIGITS))
    assert answer.status == 400 and "gzip" in answer.json["detail"], answer
    assert client.get(f"/v1/datasets/{name}").status == 404


def test_a_body_that_is_no_multipart(client, name):
    answer = client.put(f"/v1/datasets/{name}", body="hello", headers={
        "Content-Type": "multipart/form-data; boundary=x"})
    assert answer.status in (400, 422), answer
    answer = client.put(f"/v1/datasets/{name}", body="hello", headers={
        "Content-Type": "multipart/form-data"})
    assert answer.status == 400, answer


def test_zip_bombs_cost_nothing(client, name):
    """64 MiB of zeros in 64 KiB: refused by what the header says."""
    bomb = gzipped(idx((4,), [0, 0, 0, 0]) + bytes(64 << 20))
    answer = put_parts(client, name, ("inputs", bomb), ("targets", DIGITS))
    assert answer.status == 422, answer


# --- names, lists, deletion ---------------------------------------------------------

def test_a_taken_name_is_a_conflict(client, name):
    first = client.dataset(name, "x,y\n1,a\n2,b\n")
    answer = put_csv(client, name, "x,y\n3,a\n4,b\n5,c\n")
    assert answer.status == 409
    assert answer.json["code"] == "name_taken"
    assert client.ok("GET", f"/v1/datasets/{name}", 200) == first


def test_pages_neither_miss_nor_repeat(client, name):
    mine = [f"{name}.{i}" for i in range(5)]
    for one in mine:
        client.dataset(one, "x,y\n1,a\n2,b\n")
    seen, after = [], ""
    while after is not None:
        page = client.ok("GET", f"/v1/datasets?limit=3&after={after}", 200)
        seen += [d["name"] for d in page["data"]]
        after = page["next"]
    assert seen == sorted(seen) and len(seen) == len(set(seen))
    assert set(mine) <= set(seen)


def test_delete_forgets(client, name):
    client.dataset(name, "x,y\n1,a\n2,b\n")
    client.ok("DELETE", f"/v1/datasets/{name}", 204)
    assert client.get(f"/v1/datasets/{name}").status == 404
    assert client.delete(f"/v1/datasets/{name}").status == 404
    client.dataset(name, "x,y\n1,a\n2,b\n3,c\n")


def half_upload(client, name, rows=1000):
    """A connection on which part of an upload was sent, so little of it that
    who is refused hears it at once: a short body would be read to its end."""
    body = ("x,y\n" + "".join(f"{i},a\n" for i in range(rows))).encode()
    link = client.connect()
    link.sendall((f"PUT /v1/datasets/{name} HTTP/1.1\r\n"
                  "Host: localhost\r\nContent-Type: text/csv\r\n"
                  f"Content-Length: {len(body) + (2 << 20)}\r\n\r\n").encode()
                 + body)
    return link


def free_again(client, name):
    def look():
        return put_csv(client, name, "x,y\n1,a\n2,b\n").status == 201
    wait_until(look, 20, "the name of an upload that was cut")


@pytest.mark.parametrize("rows", [1, 1000, 300000])
def test_an_upload_that_is_cut_leaves_nothing(client, name, rows):
    half_upload(client, name, rows).close()
    free_again(client, name)
    assert client.ok("GET", f"/v1/datasets/{name}", 200)["rows"] == 2


def test_an_upload_that_is_reset_leaves_nothing(client, name):
    link = half_upload(client, name)
    link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                    struct.pack("ii", 1, 0))
    link.close()
    free_again(client, name)


def test_an_open_upload_has_the_name_and_is_not_seen(client, name):
    link = half_upload(client, name)

    def refused():
        nonlocal link
        if select.select([link], [], [], 0)[0]:  # we came first: once more
            link.close()
            link = half_upload(client, name)
            return False  # and not at once, or we come first again
        # It has no row: should it come first, it does not keep the name.
        return put_csv(client, name, "x,y\n").status == 409

    try:
        wait_until(refused, 20, "the open upload's conflict")
        assert client.get(f"/v1/datasets/{name}").status == 404
        listed = client.ok("GET", "/v1/datasets?limit=1000", 200)["data"]
        assert name not in [d["name"] for d in listed]
    finally:
        link.close()
    free_again(client, name)
