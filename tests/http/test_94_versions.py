"""Versions: which stay, which go, and who says so."""

from support import line_data


def prepare(client, name, **rest):
    client.dataset(name, line_data(40))
    return client.network(name, [(4, "tanh"), (1, "linear")], 1, **rest)


def upload(client, name, times=1):
    for i in range(times):
        client.put_weights(name, [([[i], [1], [2], [3]], [0, 0, 0, 0]),
                                  ([[1, 2, 3, 4]], [i])])


def versions(client, name):
    return [x["version"] for x in client.ok(
        "GET", f"/v1/networks/{name}/versions", 200)["data"]]


def test_a_version_is_forgotten(client, name):
    prepare(client, name)
    upload(client, name, 3)
    path = f"/v1/networks/{name}/versions/"
    assert client.delete(path + "1").status == 204
    assert client.delete(path + "1").status == 404
    assert client.get(path + "1").status == 404
    assert client.get(path + "1/weights").status == 404
    assert versions(client, name) == [0, 2, 3]
    upload(client, name)
    assert versions(client, name) == [0, 2, 3, 4]  # no number comes twice


def test_versions_that_are_needed_stay(client, name):
    prepare(client, name)
    upload(client, name, 3)
    client.ok("PATCH", f"/v1/networks/{name}", 200,
              json_body={"serving_version": 2})
    path = f"/v1/networks/{name}/versions/"
    for version, code in ((0, "version_initial"), (3, "version_serving"),
                          (2, "version_serving")):
        answer = client.delete(f"{path}{version}")
        assert answer.status == 409 and answer.json["code"] == code
    job = client.submit(name, name, epochs=10000000)
    client.running(job)
    upload(client, name)
    answer = client.delete(f"{path}3")
    assert answer.status == 409 and answer.json["code"] == "version_busy"
    client.ok("POST", f"/v1/jobs/{job}/cancel", 200)
    assert client.delete(f"{path}3").status == 204
    assert client.delete(f"{path}99").status == 404
    assert client.delete(f"{path}x").status == 404
    assert client.delete("/v1/networks/not.there/versions/1").status == 404


def test_a_network_keeps_so_many(client, name):
    shown = prepare(client, name, keep_versions=2)
    assert shown["keep_versions"] == 2
    upload(client, name, 4)
    assert versions(client, name) == [0, 3, 4]
    client.ok("PATCH", f"/v1/networks/{name}", 200,
              json_body={"serving_version": 3})
    upload(client, name, 3)
    assert versions(client, name) == [0, 3, 6, 7]  # the pinned one stays
    shown = client.ok("PATCH", f"/v1/networks/{name}", 200, json_body={
        "serving_version": None, "keep_versions": 1})
    assert shown["keep_versions"] == 1 and shown["serving_version"] == 7
    assert versions(client, name) == [0, 7]
    shown = client.ok("PATCH", f"/v1/networks/{name}", 200,
                      json_body={"keep_versions": None})
    assert shown["keep_versions"] is None
    upload(client, name, 2)
    assert versions(client, name) == [0, 7, 8, 9]


def test_what_a_job_started_from_is_kept_for_it(client, name):
    prepare(client, name, keep_versions=1)
    upload(client, name)
    job = client.submit(name, name, epochs=10000000)
    client.running(job)
    upload(client, name, 2)
    assert versions(client, name) == [0, 1, 3]
    waits = client.submit(name, name, epochs=10000000, start_from=3)
    client.ok("POST", f"/v1/jobs/{waits}/pause", 200)
    client.ok("POST", f"/v1/jobs/{job}/cancel", 200)
    upload(client, name)
    assert versions(client, name) == [0, 3, 4]  # what one will start from, too
    client.ok("POST", f"/v1/jobs/{waits}/cancel", 200)
    upload(client, name)
    assert versions(client, name) == [0, 5]


def test_a_patch_that_says_nothing_or_nonsense(client, name):
    prepare(client, name)
    path = f"/v1/networks/{name}"
    assert client.patch(path, json_body={}).status == 422
    answer = client.patch(path, json_body={"keep_versions": 0, "x": 1,
                                           "serving_version": -1})
    assert answer.pointers == ["/serving_version", "/keep_versions", "/x"]
    answer = client.patch(path, json_body={"keep_versions": 3,
                                           "serving_version": 9})
    assert answer.pointers == ["/serving_version"]
    shown = client.ok("GET", path, 200)
    assert shown["keep_versions"] is None  # both, or neither


def test_a_deleted_version_predicts_no_more(client, name):
    prepare(client, name)
    upload(client, name, 2)
    row = [[0] * client.ok("GET", f"/v1/networks/{name}",
                           200)["input_shape"][0]]
    assert client.predict(name, row, version=1)["version"] == 1
    client.ok("DELETE", f"/v1/networks/{name}/versions/1", 204)
    answer = client.post(f"/v1/networks/{name}/predict",
                         {"inputs": row, "version": 1})
    assert answer.status == 404, answer
