"""The example of alert rules names what there is, and Prometheus could read it."""

import re
from pathlib import Path

import yaml  # type: ignore[import-untyped]

from chains.models import rate_limit  # noqa: F401 -- what counts is imported
from pipeline.metrics import REGISTRY

ROOT = Path(__file__).parent.parent
RULES = yaml.safe_load((ROOT / "docs" / "alerts.yml").read_text(encoding="utf-8"))


def _names() -> set[str]:
    suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "info": ("_info",)}
    return {family.name + suffix for family in REGISTRY.collect() for suffix in suffixes.get(family.type, ("",))}


def test_every_rule_has_what_prometheus_wants_and_both_languages() -> None:
    for group in RULES["groups"]:
        assert {"name", "rules"} == set(group)
        for rule in group["rules"]:
            assert (
                {"alert", "expr", "labels", "annotations"}
                <= set(rule)
                <= {"alert", "expr", "for", "labels", "annotations"}
            )
            assert {"summary", "summary_zh"} == set(rule["annotations"])
            assert re.fullmatch(r"[A-Z][A-Za-z]+", rule["alert"])
            assert rule["expr"].count("(") == rule["expr"].count(")")
            assert rule["labels"]["severity"] in {"warning", "critical"}


def test_every_metric_in_a_rule_exists() -> None:
    rules = [rule for group in RULES["groups"] for rule in group["rules"]]
    metric_names = {name for rule in rules for name in re.findall(r"webot_\w+", rule["expr"])}

    assert metric_names
    assert set() == metric_names - _names()


def test_every_metric_in_the_operators_manual_exists() -> None:
    manual = (ROOT / "docs" / "operators.md").read_text(encoding="utf-8")

    assert set() == set(re.findall(r"`(webot_\w+)`", manual)) - _names()
