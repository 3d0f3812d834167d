"""The dashboard's files: there, small, and strict about what they may do."""

import re



def files(client):
    """Everything the page refers to, and what those refer to: {path: answer}."""
    found, todo = {}, ["/"]
    while todo:
        path = todo.pop()
        if path in found:
            continue
        answer = found[path] = client.get(path)
        assert answer.status == 200, (path, answer)
        text = answer.body.decode()
        todo += re.findall(r'(?:href|src)="(/dashboard/[^"]+)"', text)
        todo += ["/dashboard/" + name
                 for name in re.findall(r'from "\./([^"]+)"', text)]
    return found


def test_every_file_is_there_and_typed(client):
    types = {"": "text/html", "css": "text/css", "js": "text/javascript",
             "svg": "image/svg+xml"}
    found = files(client)
    assert len(found) > 15
    for path, answer in found.items():
        kind = types[path.rpartition(".")[2] if "." in path else ""]
        assert answer.headers["Content-Type"].startswith(kind), path


def test_all_of_it_is_less_than_250_kib(client):
    assert sum(len(a.body) for a in files(client).values()) < 250 * 1024


def test_the_policy_allows_nothing_inline_and_nothing_from_elsewhere(client):
    for path, answer in files(client).items():
        policy = dict(part.strip().split(" ", 1) for part in
                      answer.headers["Content-Security-Policy"].split(";"))
        assert policy["default-src"] == "'none'", path
        assert policy["frame-ancestors"] == "'none'"
        assert policy["script-src"] == policy["style-src"] == "'self'"
        assert "unsafe" not in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        text = answer.body.decode()
        if path == "/":
            assert not re.search(r"<script(?![^>]*\bsrc=)|\son\w+=|<style|"
                                 r"\sstyle=", text)
        # No other origin is named; the namespaces of SVG are no addresses.
        for address in re.findall(r"https?://[^\s\"'`)]+", text):
            assert address.startswith(("http://www.w3.org/",)), (path, address)


def test_nothing_is_parsed_as_markup(client):
    for path, answer in files(client).items():
        for word in ("innerHTML", "outerHTML", "insertAdjacentHTML",
                     "document.write", "eval(", "new Function"):
            assert word not in answer.body.decode(), (path, word)


def test_a_file_is_not_sent_twice(client):
    tag = client.get("/dashboard/app.js").headers["ETag"]
    again = client.get("/dashboard/app.js", headers={"If-None-Match": tag},
                       check=False)
    assert (again.status, again.body) == (304, b"")


def test_other_names_are_404(client):
    for name in ("nothing.js", "..", "app.js%00", "%2e%2e%2fapp.js"):
        assert client.get(f"/dashboard/{name}").status in (400, 404), name
    assert client.get("/dashboard/").status == 404
    assert client.request("POST", "/", body="{}").status == 405
