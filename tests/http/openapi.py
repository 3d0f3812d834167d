"""The API's own description: which operation a path is, and does an answer fit."""

import re

import jsonschema


class Document:
    """/openapi.json, to look things up in."""

    def __init__(self, json):
        self.json = json
        self.resolver = jsonschema.RefResolver("", json)
        self.patterns = [
            (re.compile("".join(
                "[^/:]+" if part.startswith("{") else re.escape(part)
                for part in re.split(r"(\{[^}]*\})", path))), path)
            for path in json["paths"]]

    def follow(self, x):
        while "$ref" in x:
            _, x = self.resolver.resolve(x["$ref"])
        return x

    def operations(self):
        return [(method.upper(), path, operation)
                for path, methods in self.json["paths"].items()
                for method, operation in methods.items()]

    def operation(self, method, path):
        """The operation of a request, None where there is none."""
        method = {"HEAD": "get"}.get(method, method.lower())
        path = path.rstrip("/") or "/"
        for pattern, name in self.patterns:
            if pattern.fullmatch(path):
                return self.json["paths"][name].get(method)
        return None

    def response(self, operation, status):
        """What is said of this status, None where nothing is."""
        said = operation["responses"]
        found = said.get(str(status)) or said.get(f"{status // 100}XX")
        return found and self.follow(found)

    def check(self, operation, answer):
        """The answer is one of those that the document tells of."""
        response = self.response(operation, answer.status)
        assert response, f"{answer.status} is not documented: {answer}"
        content = response.get("content", {})
        if not answer.body or not content:
            assert not answer.body, answer
            return
        kind = answer.headers["Content-Type"].partition(";")[0]
        if "*/*" in content:
            return
        assert kind in content, (kind, list(content))
        schema = content[kind].get("schema")
        if schema is not None:
            jsonschema.Draft202012Validator(
                schema, resolver=self.resolver).validate(answer.json)
