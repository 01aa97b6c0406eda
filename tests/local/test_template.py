import json
from pathlib import Path
from typing import Any

import pytest

from local.template import (
    Index,
    Template,
    TemplateError,
    read_assembly,
    read_templates,
    readable,
)
from tests.local.sample_app.templates import get_att, join, resource, stacks


def with_resource(name: str, raw: dict[str, Any]) -> dict[str, dict[str, Any]]:
    changed = stacks()
    changed["Api"]["Resources"][name] = raw
    return changed


def with_property(name: str, key: str, value: Any) -> dict[str, dict[str, Any]]:
    changed = stacks()
    stack = next(stack for stack in changed.values() if name in stack["Resources"])
    stack["Resources"][name]["Properties"][key] = value
    return changed


@pytest.fixture(scope="module")
def model() -> Template:
    return read_templates(stacks())


def test_tables_have_keys_types_indexes_and_ttl(model: Template) -> None:
    things = model.tables["Things"]

    assert things.name == "Storage-Things"
    assert things.keys == ("k",)
    assert things.types == {"k": "S", "g": "S"}
    assert things.indexes == (Index("by_g", ("g",), "KEYS_ONLY"),)
    assert things.ttl_attribute == "ttl"
    assert model.tables["Rows"].keys == ("p", "n")


def test_queues_have_their_redrive_policy(model: Template) -> None:
    work = model.queues["Work"]

    assert work.dead_letter_arn == model.queues["Dead"].arn
    assert (work.max_receives, work.visibility_s) == (3, 30)
    assert model.queues["Ordered"].name.endswith(".fifo")
    assert model.queues["Ordered"].content_deduplication


def test_environment_variables_have_the_values_of_aws_across_stacks(model: Template) -> None:
    environment = model.functions["Socket"].environment
    api = model.sockets["Sockets"]

    assert environment["TABLE"] == "Storage-Things"
    assert environment["MEDIA_URL"] == "https://storage-media.s3.us-east-1.amazonaws.com"
    assert environment["SOCKET_ENDPOINT"] == f"https://{api.host}/live"
    assert environment["SECRET"] == model.secrets["Secret"].arn
    assert environment["WORK_QUEUE"] == model.queues["Work"].url


def test_routes_know_their_function_authorizer_and_whether_they_answer(model: Template) -> None:
    routes = model.sockets["Sockets"].routes

    assert {key: route.answers for key, route in routes.items()} == {
        "$connect": False,
        "$disconnect": False,
        "$default": True,
        "do": True,
        "quiet": False,
    }
    assert {route.function for route in routes.values()} == {"Socket"}
    authorizer = routes["$connect"].authorizer
    assert authorizer is not None
    assert (authorizer.function, authorizer.identity_sources) == ("Gate", ("route.request.querystring.token",))


def test_a_route_response_without_selection_expression_does_not_answer() -> None:
    changed = stacks()
    del changed["Api"]["Resources"]["Do"]["Properties"]["RouteResponseSelectionExpression"]

    assert not read_templates(changed).sockets["Sockets"].routes["do"].answers


def test_event_sources_and_function_urls_find_their_function_by_any_kind_of_reference(model: Template) -> None:
    assert {source.id: source.function for source in model.event_sources} == {
        "Source": "Worker",
        "OrderedSource": "Worker",
        "ChainSource": "Worker",
    }
    assert [url.function for url in model.function_urls] == ["Http"]


def test_an_alias_stands_for_its_function() -> None:
    changed = stacks()
    resources = changed["Api"]["Resources"]
    resources["Version"] = resource("Lambda::Version", FunctionName={"Ref": "Worker"})
    resources["Live"] = resource(
        "Lambda::Alias",
        FunctionName={"Ref": "Worker"},
        FunctionVersion=get_att("Version", "Version"),
        Name="live",
    )
    resources["Source"]["Properties"]["FunctionName"] = {"Ref": "Live"}

    assert read_templates(changed).event_sources[0].function == "Worker"


def test_an_unknown_resource_type_is_refused_by_name() -> None:
    changed = with_resource("Pipe1", resource("Pipes::Pipe"))

    with pytest.raises(TemplateError, match=r"Pipe1 \(AWS::Pipes::Pipe\) in Api"):
        read_templates(changed)


def test_a_custom_resource_is_refused() -> None:
    changed = with_resource("Magic", {"Type": "Custom::Magic", "Properties": {}})

    with pytest.raises(TemplateError, match="Magic"):
        read_templates(changed)


@pytest.mark.parametrize(
    ("name", "key", "value"),
    [
        ("Source", "FilterCriteria", {"Filters": []}),
        ("Things0A1B2C3D", "LocalSecondaryIndexes", []),
        ("Work", "Surprise", 1),
        ("Subscription", "Protocol", "lambda"),
        ("Integration", "IntegrationType", "HTTP_PROXY"),
        ("Do", "AuthorizationType", "AWS_IAM"),
        ("Do", "RequestModels", {}),
        ("Url", "AuthType", "AWS_IAM"),
        ("Url", "InvokeMode", "RESPONSE_STREAM"),
        ("Sockets", "ProtocolType", "HTTP"),
        ("Worker", "Runtime", "nodejs22.x"),
        ("Secret", "GenerateSecretString", {"SecretStringTemplate": "{}"}),
    ],
)
def test_a_property_that_would_change_behaviour_unnoticed_is_refused(name: str, key: str, value: Any) -> None:
    with pytest.raises(TemplateError, match=name):
        read_templates(with_property(name, key, value))


def test_a_dynamic_reference_in_an_environment_is_refused() -> None:
    variables = {"Variables": {"PASSWORD": "{{resolve:secretsmanager:x}}"}}

    with pytest.raises(TemplateError, match="PASSWORD"):
        read_templates(with_property("Worker", "Environment", variables))


def test_an_attribute_that_is_not_modelled_is_refused() -> None:
    variables = {"Variables": {"X": get_att("Role", "RoleId")}}
    changed = with_property("Worker", "Environment", variables)
    changed["Api"]["Resources"]["Role"] = resource("IAM::Role")

    with pytest.raises(TemplateError, match="RoleId"):
        read_templates(changed)


def test_a_missing_export_is_refused() -> None:
    changed = stacks()
    del changed["Storage"]["Outputs"]["Table"]

    with pytest.raises(TemplateError, match="storage:Table"):
        read_templates(changed)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"Ref": "AWS::AccountId"}, "123456789012"),
        ({"Ref": "Parameter"}, "default"),
        (join("a", "-", {"Ref": "AWS::Region"}), "a-us-east-1"),
        ({"Fn::Sub": "${AWS::StackName}/${Work.QueueName}/${!Literal}"}, "Api/Api-Work/${Literal}"),
        ({"Fn::Sub": ["${x}-${Work.QueueName}", {"x": {"Ref": "AWS::Partition"}}]}, "aws-Api-Work"),
        ({"Fn::Select": ["1", {"Fn::Split": ["-", "a-b-c"]}]}, "b"),
        ({"Fn::Select": [2, ["a", "b", {"Ref": "AWS::URLSuffix"}]]}, "amazonaws.com"),
        ({"Fn::If": ["Yes", "then", "otherwise"]}, "then"),
        ({"Fn::If": ["No", "then", "otherwise"]}, "otherwise"),
        ({"Fn::FindInMap": ["Map", {"Ref": "AWS::Region"}, "key"]}, "found"),
    ],
)
def test_intrinsic_functions(value: Any, expected: str) -> None:
    changed = with_property("Worker", "Environment", {"Variables": {"X": value}})
    changed["Api"] |= {
        "Parameters": {"Parameter": {"Type": "String", "Default": "default"}},
        "Mappings": {"Map": {"us-east-1": {"key": "found"}}},
        "Conditions": {
            "Yes": {"Fn::Equals": [{"Ref": "AWS::Region"}, "us-east-1"]},
            "No": {"Fn::Not": [{"Condition": "Yes"}]},
        },
    }

    assert read_templates(changed).functions["Worker"].environment["X"] == expected


def test_no_value_leaves_an_entry_out() -> None:
    variables = {"Variables": {"X": {"Ref": "AWS::NoValue"}, "Y": "y"}}

    environment = read_templates(with_property("Worker", "Environment", variables)).functions["Worker"].environment

    assert environment == {"Y": "y"}


def test_a_resource_whose_condition_is_false_does_not_exist() -> None:
    changed = stacks()
    changed["Api"]["Conditions"] = {"Never": {"Fn::Equals": ["a", "b"]}}
    changed["Api"]["Resources"]["Unwanted"] = {**resource("SQS::Queue"), "Condition": "Never"}

    assert "Unwanted" not in read_templates(changed).queues


def test_an_unknown_intrinsic_function_is_refused() -> None:
    variables = {"Variables": {"X": {"Fn::GetAZs": ""}}}

    with pytest.raises(TemplateError, match="GetAZs"):
        read_templates(with_property("Worker", "Environment", variables))


@pytest.mark.parametrize(
    ("logical_id", "expected"),
    [("MessageWs1A2B3C4D", "MessageWs"), ("MessageWs", "MessageWs"), ("12345678", "12345678")],
)
def test_readable_ids_have_no_hash(logical_id: str, expected: str) -> None:
    assert readable(logical_id) == expected


def test_an_assembly_is_read_by_its_manifest(tmp_path: Path) -> None:
    artifacts: dict[str, Any] = {"Tree": {"type": "cdk:tree"}}
    for name, body in stacks().items():
        (tmp_path / f"{name}.json").write_text(json.dumps(body))
        artifacts[name] = {"type": "aws:cloudformation:stack", "properties": {"templateFile": f"{name}.json"}}
    (tmp_path / "manifest.json").write_text(json.dumps({"artifacts": artifacts}))

    assert read_assembly(tmp_path) == read_templates(stacks())
