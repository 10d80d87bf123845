"""The OpenAPI document tells the truth: generated requests get documented answers, no failures."""

import json
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from indexer.embedders.colour import ColourEmbedder
from tests.integration.test_http import Service

OPERATIONS = {
    ("get", "/api/v1/search"),
    ("post", "/api/v1/search"),
    ("post", "/api/v1/query"),
    ("get", "/api/v1/items/{id}/timeline"),
    ("get", "/api/v1/items/{id}"),
    ("get", "/api/v1/items/{id}/labels"),
    ("get", "/api/v1/items/{id}/thumbnail"),
    ("get", "/api/v1/items/{id}/media"),
    ("get", "/api/v1/items/{id}/storyboard"),
    ("get", "/api/v1/items/{id}/motion"),
    ("get", "/api/v1/tags"),
    ("post", "/api/v1/tags"),
    ("get", "/api/v1/status"),
    ("get", "/api/v1/skipped"),
    ("get", "/healthz"),
}


CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
    unsupported_method,
]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Service:
    service = Service(tmp_path_factory.mktemp("service"), ColourEmbedder())
    service.with_film()
    return service


@pytest.fixture(scope="module")
def document(service: Service) -> dict[str, Any]:
    answer = service.client.get("/openapi/openapi.json")
    body: dict[str, Any] = answer.json
    return body


@pytest.fixture(scope="module")
def schema(service: Service) -> Any:
    return schemathesis.openapi.from_wsgi("/openapi/openapi.json", service.app)


# schemathesis drops answers without closing them, and a file sent as media stays open.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(("method", "path"), sorted(OPERATIONS))
def test_every_answer_is_as_documented(schema: Any, method: str, path: str) -> None:
    @given(schema[path][method].as_strategy())
    @settings(
        max_examples=40,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    def check(case: Any) -> None:
        case.call_and_validate(checks=CHECKS)

    check()


def test_every_address_of_the_contract_is_documented(document: dict[str, Any]) -> None:
    documented = {
        (method, path) for path, methods in document["paths"].items() for method in methods
    }
    assert documented == OPERATIONS


def test_everything_documented_is_explained(document: dict[str, Any]) -> None:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert operation["summary"], (method, path)
            for parameter in operation.get("parameters", ()):
                assert parameter["description"], (method, path, parameter["name"])
    for name, schema in document["components"]["schemas"].items():
        assert schema.get("description") or schema.get("enum"), name


def test_every_reference_in_the_document_leads_somewhere(document: dict[str, Any]) -> None:
    text = json.dumps(document)
    references = {part.split('"')[0] for part in text.split('"$ref": "#/components/schemas/')[1:]}
    assert references <= set(document["components"]["schemas"])
    assert references


def test_every_error_is_documented_in_the_one_shape(document: dict[str, Any]) -> None:
    for path, methods in document["paths"].items():
        for operation in methods.values():
            for status, response in operation["responses"].items():
                if int(status) >= 400:
                    schema = response["content"]["application/json"]["schema"]
                    assert schema == {"$ref": "#/components/schemas/ErrorBody"}, (path, status)


def test_optional_parameters_are_not_documented_as_null(document: dict[str, Any]) -> None:
    for parameter in document["paths"]["/api/v1/search"]["get"]["parameters"]:
        assert "null" not in json.dumps(parameter), parameter["name"]
    names = [one["name"] for one in document["paths"]["/api/v1/search"]["get"]["parameters"]]
    assert {"q", "like", "k", "target", "cursor"} <= set(names)


def test_document_names_no_path_of_this_machine(document: dict[str, Any], tmp_path: Path) -> None:
    text = json.dumps(document)
    assert str(Path.home()) not in text
    assert str(tmp_path.parent) not in text
