"""The API's own description: which operation a path is, and does an answer fit."""

import re

import jsonschema


# What HTTP refuses before it looks for a route; "default" tells of them.
OF_HTTP = (405, 408, 411, 414, 417, 421, 429, 431, 501, 505)


class Document:
    """/openapi.json, to look things up in."""

    def __init__(self, json):
        self.json = json
        self.resolver = jsonschema.RefResolver("", json)
        self.validators = {}
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
        path = "/v2" if path == "/v2/" else path
        for pattern, name in self.patterns:
            if pattern.fullmatch(path):
                return self.json["paths"][name].get(method)
        return None

    def response(self, operation, status):
        """What is said of this status, None where nothing is."""
        said = operation["responses"]
        found = said.get(str(status))
        if found is None and status in OF_HTTP:
            found = said.get("default")
        return found and self.follow(found)

    def validator(self, schema):
        """Kept: they are asked for with every answer."""
        if id(schema) not in self.validators:
            self.validators[id(schema)] = jsonschema.Draft202012Validator(
                schema, resolver=self.resolver)
        return self.validators[id(schema)]

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
        if schema is None:
            return
        wrong = jsonschema.exceptions.best_match(
            self.validator(schema).iter_errors(sample(answer.json)))
        assert wrong is None, (
            f"{operation['operationId']} {answer.status} is not as documented: "
            f"{wrong.json_path}: {wrong.message[:300]}")


def sample(value, most=40):
    """The same with the middle of long lists left out: they repeat."""
    if isinstance(value, list):
        if len(value) > most:
            value = value[:most // 2] + value[-most // 2:]
        return [sample(x, most) for x in value]
    if isinstance(value, dict):
        return {k: sample(v, most) for k, v in value.items()}
    return value
