"""The published OpenAPI document as a judge of answers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
import schemathesis
from schemathesis.core.failures import FailureGroup
from schemathesis.core.transport import Response
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.service.rawhttp import Answer

CHECKS = [
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]

ANYWHERE = ("/health/live", "GET")
"""The operation whose default answer stands for what is said where the document has no operation."""


@dataclass(frozen=True)
class Contract:
    """The document of a rendered project."""

    schema: Any
    paths: dict[re.Pattern[str], str]

    @classmethod
    def of(cls, project: Path) -> Contract:
        """Read the document that the service also serves."""
        schema = schemathesis.openapi.from_path(project / "api" / "openapi" / "openapi.yaml")
        paths = schema.raw_schema["paths"]
        return cls(schema, {re.compile(re.sub(r"\{\w+\}", "[^/]+", path)): path for path in paths})

    def problems(self, method: str, path: str, answer: Answer) -> list[str]:
        """How an answer breaks the contract; empty when it keeps it."""
        if method in {"HEAD", "OPTIONS"}:
            return ["an answer with a body"] if method == "HEAD" and answer.body else []
        try:
            self._case(method, path).validate_response(_response(answer), checks=CHECKS)
        except FailureGroup as group:
            return [f"{method} {path} {answer.status}: {failure}" for failure in group.exceptions]
        return []

    def _case(self, method: str, path: str) -> Any:
        for pattern, known in self.paths.items():
            if pattern.fullmatch(path) and method.lower() in self.schema.raw_schema["paths"][known]:
                parameters = dict.fromkeys(re.findall(r"\{(\w+)\}", known), "any")
                return self.schema[known][method].Case(path_parameters=parameters)
        return self.schema[ANYWHERE[0]][ANYWHERE[1]].Case()


def _response(answer: Answer) -> Response:
    """The answer in the form that schemathesis reads."""
    headers: dict[str, list[str]] = {}
    for name, value in answer.headers:
        headers.setdefault(name, []).append(value)
    request = requests.Request("GET", "http://localhost/").prepare()
    return Response(answer.status, headers, answer.body, request, elapsed=0.0, verify=False)
