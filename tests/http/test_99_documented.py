"""Comes last: what all tests before it have seen is in the API's description."""

import pytest

pytest.importorskip("jsonschema")

from openapi import Document  # noqa: E402
from support import SEEN  # noqa: E402


def test_no_route_and_no_status_is_undocumented(client):
    document = Document(client.ok("GET", "/openapi.json", 200))
    unknown = []
    for method, path, status in sorted(SEEN):
        operation = document.operation(method, path)
        if operation is None:
            # Nothing is answered where nothing is documented, other than
            # problems, and OPTIONS, which every path has.
            if status < 400 and method != "OPTIONS":
                unknown.append((method, path, status))
        elif document.response(operation, status) is None:
            unknown.append((method, path, status))
    assert not unknown
