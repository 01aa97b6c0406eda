"""The configuration is read strictly."""

import json
from pathlib import Path
from typing import Any

import pytest

from stacks.config import ConfigError, Environment, Run
from tests.infra.templates import ROOT, synthesize

CONTEXT: dict[str, Any] = {"environments": {"dev": {"protect": False}, "prod": {"protect": True}}}


def test_every_environment_of_the_repository_is_valid() -> None:
    context = json.loads((ROOT / "cdk.json").read_text())["context"]

    runs = {name: Run.parse({**context, "env": name}) for name in context["environments"]}

    assert sorted(runs) == ["dev", "prod"]
    assert runs["prod"].environment.protect
    assert all(run.environment.media_cdn for run in runs.values())
    assert not runs["dev"].environment.protect


def test_dev_for_arm64_is_the_default() -> None:
    run = Run.parse(CONTEXT)

    assert (run.environment.name, run.architecture, run.python) == ("dev", "arm64", "3.13")
    assert not run.emulator
    assert not run.nag


def test_flags_of_the_command_line_arrive_as_text() -> None:
    run = Run.parse({**CONTEXT, "env": "prod", "emulator": "true", "architecture": "x86_64", "python": "3.11"})

    assert run.emulator
    assert (run.environment.name, run.architecture, run.python) == ("prod", "x86_64", "3.11")


def test_the_cdks_own_context_passes() -> None:
    assert Run.parse({**CONTEXT, "@aws-cdk/core:checkSecretUsage": True, "aws:cdk:bundling-stacks": ["**"]})


@pytest.mark.parametrize(
    ("flag", "value", "message"),
    [
        ("enviroment", "prod", "enviroment"),
        ("env", "staging", "unknown environment 'staging'; cdk.json has"),
        ("architecture", "arm", "architecture takes one of"),
        ("emulator", "yes", "emulator takes true or false"),
    ],
)
def test_a_wrong_flag_is_named(flag: str, value: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Run.parse({**CONTEXT, flag: value})


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ({"protcet": True}, r"environments\.dev has unknown keys \['protcet'\]; known are .*'protect'"),
        ({"name": "other", "protect": True}, r"unknown keys \['name'\]"),
        ({}, "must say whether to protect its data"),
        ({"protect": "true"}, r"environments\.dev\.protect takes true or false, got 'true'"),
        ({"protect": True, "log_retention_days": 8}, "log_retention_days takes one of"),
        ({"protect": True, "log_retention_days": True}, "log_retention_days takes an integer"),
        ({"protect": True, "throttle_rate": 0}, "throttle_rate takes an integer from 1"),
        ({"protect": True, "log_level": "LOUD"}, "log_level takes one of"),
        ({"protect": True, "stage_name": 1}, "stage_name takes a string"),
        ({"protect": True, "memory_mb": 512}, "memory_mb takes an object"),
        ({"protect": True, "memory_mb": {"ConnectWs": 64}}, r"memory_mb\.ConnectWs takes an integer from 128"),
        ({"protect": True, "media_origins": "https://a.example"}, "media_origins takes a list of strings"),
        ({"protect": True, "push_applications": ["a"]}, "push_applications takes an object of packages"),
        ({"protect": True, "push_applications": {"a": {"ADM": "x"}}}, r"push_applications\.a takes the platforms"),
        ({"protect": True, "push_applications": {"a": {"GCM": "arn:aws:sns:r:1:app/APNS/x"}}}, "takes the ARN of such"),
        ({"protect": True, "switches": ["im.uid_index"]}, "switches takes an object"),
        ({"protect": True, "switches": {"im.uid_indx": "all"}}, r"switches: unknown switch 'im\.uid_indx'"),
        ({"protect": True, "switches": {"im.inline_limit": "9"}}, r"im\.inline_limit takes int"),
    ],
)
def test_a_wrong_environment_is_refused_by_the_name_of_the_key(block: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Environment.parse("dev", block)


def test_the_operator_reads_one_line_about_his_mistake(tmp_path: Path) -> None:
    run = synthesize(tmp_path, "env=staging")

    assert run.returncode == 1
    assert run.output == "error: unknown environment 'staging'; cdk.json has ['dev', 'prod']\n"


def test_switches_are_parsed_as_the_functions_parse_them() -> None:
    environment = Environment.parse("dev", {"protect": False, "switches": {"message.recall_time_limit": 60}})

    assert environment.switches.dump() == {"message.recall_time_limit": 60}
