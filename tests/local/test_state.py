import json
from dataclasses import replace
from pathlib import Path

import pytest

from local.state import StateError
from local.template import read_templates
from local.topology import Options, Topology
from tests.local.conftest import SAMPLE
from tests.local.sample_app.templates import stacks

THINGS, ROWS, BUCKET = "Storage-Things", "Storage-Rows", "storage-media"
ITEM = {"k": {"S": "k"}, "m": {"M": {"l": {"L": [{"N": "1"}, {"BOOL": True}, {"NULL": True}]}}}, "b": {"B": "YWJj"}}


def topology(state: Path, **options: object) -> Topology:
    return Topology(read_templates(stacks()), Options(roots=(SAMPLE,), state=state, **options))


def test_tables_secrets_and_objects_are_there_after_a_restart(tmp_path: Path) -> None:
    with topology(tmp_path) as first:
        first.cloud.put_items(THINGS, [ITEM])
        first.cloud.put_items(ROWS, [{"p": {"S": "p"}, "n": {"N": str(number)}} for number in range(5)])
        first.cloud.client("s3").put_object(
            Bucket=BUCKET, Key="a/ü", Body=b"\x00\xff", ContentType="image/png", Metadata={"from": "alice"}
        )
        first.cloud.set_secret("Storage-Secret", "rotated")

    with topology(tmp_path) as second:
        assert second.cloud.item(THINGS, ITEM) == ITEM
        assert len(list(second.cloud.items(ROWS))) == 5
        stored = second.cloud.client("s3").get_object(Bucket=BUCKET, Key="a/ü")
        assert (stored["Body"].read(), stored["ContentType"], stored["Metadata"]) == (
            b"\x00\xff",
            "image/png",
            {"from": "alice"},
        )
        assert second.cloud.secret_versions("Storage-Secret")["AWSPREVIOUS"] == first.secrets["Secret"]
        assert second.secrets["Secret"] == "rotated"


def test_a_secret_that_is_given_wins_over_the_saved_one(tmp_path: Path) -> None:
    with topology(tmp_path):
        pass

    with topology(tmp_path, secrets={"Secret": "given"}) as second:
        assert second.cloud.secret_versions("Storage-Secret") == {"AWSCURRENT": "given"}


def test_what_the_template_no_longer_has_is_left_out(tmp_path: Path) -> None:
    with topology(tmp_path) as first:
        first.cloud.put_items(THINGS, [ITEM])
    template = read_templates(stacks())
    functions = {name: replace(function, environment={}) for name, function in template.functions.items()}
    smaller = replace(template, tables={"Rows": template.tables["Rows"]}, functions=functions)

    with Topology(smaller, Options(roots=(SAMPLE,), state=tmp_path)) as second:
        assert list(second.cloud.items(ROWS)) == []


def test_the_state_is_saved_while_running(tmp_path: Path) -> None:
    with topology(tmp_path, save_every_s=0.01) as running:
        running.cloud.put_items(THINGS, [ITEM])
        running.run(running.saved())
        running.run(running.saved())

        assert json.loads((tmp_path / "state.json").read_text())["tables"]["Things"] == [ITEM]


def test_contents_of_objects_that_are_gone_are_removed(tmp_path: Path) -> None:
    with topology(tmp_path) as running:
        client = running.cloud.client("s3")
        for content in (b"one", b"two"):
            client.put_object(Bucket=BUCKET, Key="k", Body=content)
            running.save()

        [kept] = (tmp_path / "objects").iterdir()
        assert kept.read_bytes() == b"two"


def test_a_crash_while_saving_leaves_the_previous_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with topology(tmp_path) as running:
        running.cloud.put_items(THINGS, [ITEM])
        running.save()
        running.cloud.put_items(THINGS, [{"k": {"S": "later"}}])
        with monkeypatch.context() as patch:
            patch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError("power cut")))
            with pytest.raises(OSError, match="power cut"):
                running.save()

        assert json.loads((tmp_path / "state.json").read_text())["tables"]["Things"] == [ITEM]


def test_an_unreadable_state_is_explained(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text("{")

    with pytest.raises(StateError, match=r"state\.json cannot be read .* delete it"):
        topology(tmp_path).start()
