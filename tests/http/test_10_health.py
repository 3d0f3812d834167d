"""The process answers, and says when it is ready."""


def test_healthz_answers(client):
    assert client.ok("GET", "/healthz", 200) == {"status": "ok"}


def test_readyz_answers(client):
    assert client.ok("GET", "/readyz", 200) == {"status": "ready"}


def test_times_and_ids_are_told_apart_by_request(client):
    ids = {client.get("/healthz").headers["X-Request-Id"] for _ in range(20)}
    assert len(ids) == 20
