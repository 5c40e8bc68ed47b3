"""Each chart is well-formed, has a text alternative, and draws nothing but numbers, whatever it is given."""

import base64
import math
import re
import zlib
from collections.abc import Callable
from xml.etree import ElementTree

import numpy as np
import pytest

from service.charts.classes import ClassBar, ClassesFigure
from service.charts.confusion import ConfusionFigure
from service.charts.curves import Curve, CurvesFigure, Point
from service.charts.figure import NO_EPOCH, Canvas
from service.charts.forest import ForestFigure, ForestRow
from service.charts.parallel import ParallelAxis, ParallelFigure, ParallelLine
from service.charts.predicted import PredictedFigure
from service.charts.reliability import Bin, CalibratedRun, ReliabilityFigure
from service.charts.scale import Scale, span
from service.charts.score_curves import ScoreCurve, ScoreCurvesFigure
from service.charts.sparkline import sparkline
from service.charts.svg import abbreviated, text_width
from service.charts.theme import DARK, LIGHT, PRINT, Theme

SVG = "{http://www.w3.org/2000/svg}"
MOST_BYTES = 300_000
HOSTILE = [
    "plain",
    "",
    "<script>alert(1)</script>",
    "]]>\"'&amp;--><!--",
    "a\x00b\x0bc\ud800d\ufffe",
    "\u202eright to left",
    "字" * 300,
    "a very long name " * 40,
]
VALUES = [0.5, math.nan, math.inf, -math.inf, 0.0, 1e308, -1e308, 5e-324, 1e-300]
SIZES = [0, 1, 2, 10, 31, 200]

Draw = Callable[[str, int, float], str]


def curves(name: str, size: int, value: float) -> str:
    points = [Point(epoch, value, value, value) for epoch in range(1, size + 1)]
    points += [Point(size + 1, 0.5, 0.4, value)]
    return CurvesFigure(
        title=name,
        subtitle=name,
        metric="loss",
        lowest=0.0,
        highest=math.inf,
        epochs=size,
        runs=2,
        curves=[Curve("validation", 0, points), Curve("training", 1, [])],
        selected=[1, size],
        levels=[(name, value)],
    ).svg(Canvas(340))


def classes(name: str, size: int, value: float) -> str:
    share = value if 0 <= value <= 1 else None
    bars = [ClassBar(f"{name}{index}", index, share, share, share, share) for index in range(size)]
    return ClassesFigure(name, name, name, bars).svg(Canvas())


def confusion(name: str, size: int, value: float) -> str:
    matrix = np.full((size, size), 7 if math.isfinite(value) else 0, np.int64)
    return ConfusionFigure(name, name, [f"{name}{index}" for index in range(size)], matrix).svg(Canvas())


def bins(name: str, size: int, value: float) -> str:
    error = value if value >= 0 else None
    bars = [ClassBar(f"{name}{index}", index, error, error, error, error) for index in range(size)]
    return ClassesFigure(name, name, name, bars, highest=None).svg(Canvas())


def predicted(name: str, size: int, value: float) -> str:
    counts = np.full((size, size), 7 if math.isfinite(value) else 0, np.int64)
    low, high = span([0.0, value])
    errors = [-value, 0.0, 0.0, value, value] if size and math.isfinite(value) else []
    return PredictedFigure(name, name, low, high, counts, sorted(errors)).svg(Canvas(340))


def score_curves(name: str, size: int, value: float) -> str:
    known = [ScoreCurve(name, [(0.0, 0.0), (1.0, 1.0)], 0.5, 0.4, 0.6)] * size
    figure = ScoreCurvesFigure(
        name, name, "x", "y", "AUROC", ((0, 0), (1, 1)), [ScoreCurve(name, [], None), *known]
    )
    return figure.svg(Canvas(340))


def reliability(name: str, size: int, value: float) -> str:
    given = value if 0 <= value <= 1 else None
    bins = [Bin(0.0, 0.5, 0, None, None), Bin(0.5, 1.0, size, given, given)]
    return ReliabilityFigure(name, name, [CalibratedRun(name, 0.1, bins)] * size).svg(Canvas())


def forest(name: str, size: int, value: float) -> str:
    unknown = ForestRow(name, None, None, None, name)
    return ForestFigure(
        name, name, "loss", [unknown, *[ForestRow(name, value, value, value, name)] * min(size, 190)]
    ).svg(Canvas(340))


def leaderboard(name: str, size: int, value: float) -> str:
    rows = [ForestRow(name, value, value, None, name, mark) for mark in ("square", "circle", "diamond")]
    return ForestFigure(
        *(name, name, "loss", rows * min(size, 60)), of_differences=False, key=[("diamond", name)]
    ).svg(Canvas())


def parallel(name: str, size: int, value: float) -> str:
    place = value if 0 <= value <= 1 else 0.5
    axes = [ParallelAxis(name, [(0.0, name), (place, name)])] * min(size, 12)
    lines = [ParallelLine(name, [place] * len(axes), group) for group in ("top", "others", "recommended")]
    return ParallelFigure(name, name, name, axes, lines * size).svg(Canvas(340 if size % 2 else 720))


def line(name: str, size: int, value: float) -> str:
    return sparkline(name, [value, None, 0.5][: min(size, 3)], "auto")


CHARTS: list[Draw] = [
    *(curves, classes, bins, confusion, predicted, score_curves, reliability, forest),
    *(leaderboard, parallel, line),
]


def parsed(chart: str) -> ElementTree.Element:
    """The chart, if it is XML in UTF-8, not too large, and every coordinate in it is a finite number."""
    content = chart.encode()
    assert len(content) <= MOST_BYTES
    root = ElementTree.fromstring(content)
    for each in root.iter():
        assert each.tag.startswith(SVG)
        assert each.tag not in {f"{SVG}script", f"{SVG}foreignObject", f"{SVG}a"}
        for key, value in each.attrib.items():
            assert not key.startswith("on")
            assert not re.search(r"\b(nan|inf)\b", value), (each.tag, key, value)
    return root


@pytest.mark.sampled(44)
@pytest.mark.parametrize("draw", CHARTS)
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_text(draw: Draw, name: str) -> None:
    root = parsed(draw(name, 3, 0.5))
    shown = "".join(root.itertext())
    if name.startswith("<script>"):
        assert "<script>" in shown


@pytest.mark.sampled(33)
@pytest.mark.parametrize("draw", CHARTS)
@pytest.mark.parametrize("size", SIZES)
def test_any_number_of_epochs_classes_and_runs_is_drawn(draw: Draw, size: int) -> None:
    parsed(draw("name", size, 0.5))


@pytest.mark.parametrize("draw", CHARTS)
@pytest.mark.parametrize("value", VALUES)
def test_no_value_breaks_a_chart(draw: Draw, value: float) -> None:
    parsed(draw("name", 1, value))
    parsed(draw("name", 4, value))


@pytest.mark.parametrize("draw", CHARTS)
def test_a_screen_reader_gets_a_title_and_a_description(draw: Draw) -> None:
    root = parsed(draw("ducks", 2, 0.5))
    assert root.get("role") == "img"
    said = {each.get("id"): each.text or "" for each in root}
    named = (root.get("aria-labelledby") or "").split()
    assert "ducks" in said[named[0]]
    assert all(len(said[each]) > 4 for each in named)


@pytest.mark.parametrize("last", [1, 3, 20, 47, 5000])
def test_epochs_have_whole_numbers(last: int) -> None:
    ticks = Scale(0, last, 0, 100).ticks(9, least_step=1)
    assert len(ticks) > 1
    assert all("." not in label for _, label in ticks)


def test_a_name_that_does_not_fit_is_shortened_and_its_tooltip_has_all_of_it() -> None:
    name = "a class with a name that is longer than its place"
    root = parsed(ClassesFigure("t", "s", None, [ClassBar(name, 5, 0.5, None, None, None)]).svg(Canvas()))
    (text,) = [each for each in root.iter(f"{SVG}text") if each.findtext(f"{SVG}title") == name]
    shown = "".join(text.itertext()).removeprefix(name)
    begin, end = shown.split("…")
    assert name.startswith(begin)
    assert name.endswith(end)
    assert len(begin) > len(end) > 1


def test_names_that_differ_in_their_ends_differ_when_they_are_shortened() -> None:
    names = [f"species number {index}" for index in range(60)]
    assert len({abbreviated(each, 70) for each in names}) == 60
    assert all(text_width(abbreviated(each, 70)) <= 70 for each in names)


def test_the_cells_of_a_small_matrix_have_their_counts() -> None:
    root = parsed(ConfusionFigure("t", "s", ["a", "b"], np.array([[170, 10], [5, 15]])).svg(Canvas()))
    assert [each.text for each in root.iter(f"{SVG}text") if (each.text or "").isdigit()] == [
        "170",
        "10",
        "5",
        "15",
    ]
    opacities = [
        float(each.attrib["fill-opacity"])
        for each in root.iter(f"{SVG}rect")
        if "fill-opacity" in each.attrib
    ]
    assert opacities == pytest.approx([0.8 * share for share in (170 / 180, 10 / 180, 0.25, 0.75)], abs=0.005)


def test_the_picture_of_predictions_has_true_numbers_to_the_right_and_predictions_upwards() -> None:
    counts = np.array([[0, 4], [0, 0]])  # the smaller target, the larger prediction
    root = parsed(PredictedFigure("t", "s", 0.0, 1.0, counts, [-1.0, 0.0, 0.0, 0.0, 1.0]).svg(Canvas()))
    (image,) = root.iter(f"{SVG}image")
    content = base64.b64decode(image.attrib["href"].partition(",")[2])
    at = content.index(b"IDAT")
    pixels = zlib.decompress(content[at + 4 : at + 4 + int.from_bytes(content[at - 4 : at])])
    assert pixels == bytes([0, int(255 * 0.85), 0, 0, 0, 0])  # each line begins with its filter


@pytest.mark.parametrize(
    ("points", "said"),
    [([], NO_EPOCH), ([Point(1, math.nan, math.nan, math.nan)], "No epoch has a finite value.")],
)
def test_curves_without_points_say_why_though_baselines_are_known(points: list[Point], said: str) -> None:
    chart = CurvesFigure(
        *("t", "s", "loss", 0.0, math.inf, 9, 3), [Curve("validation", 0, points)], [], [("linear", 0.5)]
    )
    root = parsed(chart.svg(Canvas()))
    assert said in [each.text for each in root.iter(f"{SVG}text")]
    (description,) = [each.text or "" for each in root.iter(f"{SVG}desc")]
    assert description == f"{said} Baseline linear: 0.500."


@pytest.mark.parametrize(("epochs", "done", "last"), [(100_000, 40, "80"), (100, 40, "100"), (100, 0, "100")])
def test_the_axis_of_a_long_run_ends_where_its_curve_can_be_seen(epochs: int, done: int, last: str) -> None:
    points = [Point(epoch, 0.5, 0.5, 0.5) for epoch in range(1, done + 1)]
    chart = CurvesFigure(
        *("t", "s", "loss", 0.0, math.inf, epochs, 1), [Curve("validation", 0, points)], [], []
    )
    labels = [each.text for each in parsed(chart.svg(Canvas())).iter(f"{SVG}text")]
    assert last in labels
    assert not {"20,000", "150"} & {*labels}


def test_the_last_label_of_an_axis_is_within_the_chart() -> None:
    chart = CurvesFigure(
        *("t", "s", "loss", 0.0, math.inf, 100_000, 1),
        [Curve("validation", 0, [Point(90_000, 0.5, 0.5, 0.5)])],
        *([], []),
    )
    (last,) = [each for each in parsed(chart.svg(Canvas(340))).iter(f"{SVG}text") if each.text == "100,000"]
    assert float(last.attrib["x"]) + text_width("100,000") / 2 <= 340


def test_a_name_that_is_cut_in_its_middle_is_no_wider_than_its_room() -> None:
    for name in ("<script>alert(1)</script>", "illicit MWMWMWMW", "a class with a very very long name"):
        for width in range(40, 160, 7):
            assert text_width(abbreviated(name, width)) <= width


def test_runs_that_a_legend_does_not_name_are_counted() -> None:
    runs = [CalibratedRun(f"seed {seed}", 0.1, [Bin(0.4, 0.6, 9, 0.5, 0.5)]) for seed in range(10)]
    assert "and 2 more runs" in ReliabilityFigure("t", "s", runs).svg(Canvas())
    assert "more run" not in ReliabilityFigure("t", "s", runs[:8]).svg(Canvas())


def test_the_figure_beside_a_bar_has_room() -> None:
    bars = [ClassBar("a", 9, 25_490_112.0, 1.0, 58_000_000.0, None)]
    chart = parsed(ClassesFigure("t", "s", None, bars, highest=None).svg(Canvas()))
    (figure,) = [each for each in chart.iter(f"{SVG}text") if each.text == "25,490,112"]
    whisker = next(each for each in chart.iter(f"{SVG}path") if "whisker" in (each.get("class") or ""))
    reached = max(float(x) for x in re.findall(r"[ML]([\d.]+),", whisker.attrib["d"]))
    assert float(figure.attrib["x"]) - text_width("25,490,112") >= reached


def test_charts_of_classes_say_that_no_epoch_has_ended() -> None:
    for chart in (classes("t", 0, 0.5), confusion("t", 2, math.nan)):
        assert NO_EPOCH in [each.text for each in parsed(chart).iter(f"{SVG}text")]


def test_a_bar_ends_at_its_accuracy() -> None:
    root = parsed(
        ClassesFigure(
            "t", "s", None, [ClassBar(n, 9, v, None, None, None) for n, v in (("a", 1.0), ("b", 0.25))]
        ).svg(Canvas())
    )
    whole, quarter = [
        float(each.attrib["width"]) for each in root.iter(f"{SVG}rect") if each.get("class") == "f0"
    ]
    assert quarter == pytest.approx(whole / 4, abs=0.1)


@pytest.mark.parametrize("colours", [LIGHT, DARK, PRINT])
def test_texts_and_lines_are_readable_on_their_ground(colours: dict[str, str]) -> None:
    for name, colour in colours.items():
        contrast = _contrast(colour, colours["ground"])
        if name in ("ink", "faint"):
            assert contrast >= 4.5, name
        elif name[0] == "s":
            assert contrast >= 3.0, (name, contrast)
    darkest = _mixed(colours["cell"], colours["ground"], 0.8)
    assert _contrast(darkest, colours["ink"]) >= 4.5


@pytest.mark.parametrize("theme", ["light", "dark", "print"])
def test_a_chosen_theme_does_not_depend_on_the_system_of_the_reader(theme: Theme) -> None:
    assert "@media" not in sparkline("name", [0.5], theme)
    assert "@media" in sparkline("name", [0.5], "auto")


def _contrast(a: str, b: str) -> float:
    """The contrast ratio of WCAG 2.2."""
    darker, lighter = sorted((_luminance(a), _luminance(b)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in _channels(colour)]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def _channels(colour: str) -> list[float]:
    return [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]


def _mixed(above: str, below: str, opacity: float) -> str:
    both = zip(_channels(above), _channels(below), strict=True)
    return "#" + "".join(f"{round(255 * (opacity * a + (1 - opacity) * b)):02x}" for a, b in both)


@pytest.mark.parametrize("width", [340, 600, 960])
def test_names_of_a_forest_are_shown_whole_in_two_lines(width: int) -> None:
    name = "12. balanced softmax, learning rate 0.00846, hidden [128, 64]"
    rows = [ForestRow(name, 0.5, 0.4, 0.6, ""), ForestRow("short", 0.5, 0.4, 0.6, "")]
    chart = ForestFigure("title", "said", "loss", rows, of_differences=False).svg(Canvas(width))
    shown = [" ".join(each.itertext()) for each in ElementTree.fromstring(chart).iter(f"{SVG}text")]
    words = next(each for each in shown if "softmax" in each)
    assert words in (name, f"{name} {name}")  # with the tooltip of two lines
    assert "…" not in chart
