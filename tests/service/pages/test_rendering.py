"""How numbers, times and dates read on the pages."""

from pathlib import Path

import pytest
from jinja2 import DictLoader, Environment

from service.pages.rendering import (
    CompiledTemplates,
    day,
    duration,
    evidence,
    figure,
    p_in_text,
    p_value,
    share,
)


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        (figure(0.12345), "0.123"),
        (figure(12345.6), "12,346"),
        (figure(None), "–"),
        (p_value(0.02314), "0.0231"),
        (p_value(0.0), "< 0.0001"),
        (p_value(None), "–"),
        (p_in_text(0.02314), "p = 0.0231"),
        (p_in_text(1e-9), "p < 0.0001"),
        (evidence(0.0), "0.000"),
        (evidence(2.5519), "2.552"),
        (evidence(882.788), "882.8"),
        (evidence(4e11), "4.0 × 10¹¹"),
        (evidence(2.14e-7), "2.1 × 10⁻⁷"),
        (evidence(float("inf")), "∞"),
        (share(0.1233), "12.3 %"),
        (share(None), "–"),
        (day(20454.0), "2026-01-01"),
        (day(20454.25), "2026-01-01 06:00"),
        (day(-719162.0), "0001-01-01"),
        (day(1e12), "1e+12"),
        (duration(0.2), "1 s"),
        (duration(89.0), "89 s"),
        (duration(600.0), "10 min"),
        (duration(7200.0), "2.0 h"),
        (duration(None), "–"),
    ],
)
def test_a_value_reads_as_people_write_it(shown: str, text: str) -> None:
    assert shown == text


def test_templates_are_compiled_once_and_anew_when_they_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.dont_write_bytecode", False)
    folder = tmp_path / "__pycache__"

    def rendered(text: str) -> str:
        loader, cache = DictLoader({"page.html": text}), CompiledTemplates(folder)
        return (
            Environment(loader=loader, bytecode_cache=cache, autoescape=True)
            .get_template("page.html")
            .render()
        )

    assert rendered("one") == "one"
    (kept,) = folder.iterdir()
    monkeypatch.setattr(Environment, "_generate", None)  # nothing can be compiled now
    assert rendered("one") == "one"
    monkeypatch.undo()
    assert rendered("two") == "two"
    assert list(folder.iterdir()) == [kept]


def test_without_a_folder_to_write_to_templates_are_compiled_each_time(tmp_path: Path) -> None:
    """Neither a read-only installation nor a folder that is a file is an error."""
    blocked = tmp_path / "__pycache__"
    blocked.write_text("a file")
    cache = CompiledTemplates(blocked)
    made = Environment(loader=DictLoader({"page.html": "one"}), bytecode_cache=cache, autoescape=True)
    assert made.get_template("page.html").render() == "one"
