"""What a run writes of borders is what pure functions say of the same model."""

import json
import pathlib
import shutil
from typing import Any

import jax
import numpy as np
import pytest
from rich.console import Console

from jaxpad.analysis.borders import (
    activation_maps,
    by_cutout,
    by_distance,
    foveation_maps,
    shift_consistency,
)
from jaxpad.data import ArraySource, Dataset, as_arrays
from jaxpad.train import Job, StoppedError, build, run
from jaxpad.train.borders import __main__ as command, measure, write
from jaxpad.train.borders.measure import Measure, Progress
from jaxpad.train.metrics import read_metrics
from jaxpad.train.segmentation import Segmentation
from jaxpad.train.stop import Stop

from .tiny import tiny_config


SHALLOW = "tests.train.tiny:Shallow"
CLASSES = {"model": SHALLOW, "cross_paddings": ("circular", "valid", "healpix")}
MASKS = {
    "dataset": f"{__name__}:masks",
    "model": f"{SHALLOW}(dense=True)",
    "label_smoothing": 0.0,
    "batch_size": 16,
    "cross_paddings": ("circular", "valid"),
    "padding": "zero",
}


def masks() -> Dataset:
    """Images of noise, whose classes are those of their brightness; some count not."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (37, 8, 12, 1), dtype=np.uint8)
    labels = (images[..., 0] // 86).astype(np.uint8)
    labels[:, 3, 4] = 255
    return Dataset(
        name="masks",
        classes=("dark", "grey", "bright"),
        train=ArraySource("train", images, labels),
        test=ArraySource("test", images, labels),
        task="segmentation",
        note="",
    )


def job_of(devices: int | None = None, **changes: Any) -> Job:
    # Fixtures of a module come before a test's, which set this too.
    with jax.numpy_dtype_promotion("standard"):
        config = tiny_config(borders=True, **changes)
        return build(config, jax.devices()[:devices])


def written(job: Job, folder: pathlib.Path) -> dict[str, Any]:
    """borders.json of an untrained state, and the arrays beside it."""
    with jax.numpy_dtype_promotion("standard"):
        found = Measure(job, job.init(), Progress(1, Stop())).run()
    write.write(folder, job, 0, found)
    text = json.loads((folder / "borders.json").read_text(), parse_constant=fail)
    with np.load(folder / "borders.npz") as stored:
        return {**text, "arrays": dict(stored)}


def fail(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


@pytest.fixture(scope="module")
def classes(tmp_path_factory: pytest.TempPathFactory) -> tuple[Job, dict[str, Any]]:
    job = job_of(padding="zero", **CLASSES)
    return job, written(job, tmp_path_factory.mktemp("classes"))


@pytest.fixture(scope="module")
def pixels(tmp_path_factory: pytest.TempPathFactory) -> tuple[Job, dict[str, Any]]:
    job = job_of(**MASKS)
    return job, written(job, tmp_path_factory.mktemp("pixels"))


def evaluation(job: Job) -> Any:
    """The plain one."""
    state = job.init()
    return job.task.evaluate(
        lambda batch: job.eval_step(state, job.place(batch)), job.test_batches
    )


def test_set(job: Job) -> tuple[np.ndarray, np.ndarray]:
    images, labels = as_arrays(job.dataset.test)
    return images.astype(np.float32) / 255, labels


test_set.__test__ = False  # pyright: ignore[reportFunctionMemberAccess]


def as_text(values: Any) -> Any:
    return [
        None if v is None or np.isnan(v) else pytest.approx(v, 1e-4) for v in values
    ]


def test_each_column_is_a_plain_evaluation(classes: Any):
    job, found = classes
    assert found["padding"] == "zero"
    assert found["headline"] == "accuracy"
    assert list(found["cross"]) == ["zero", "circular", "valid", "healpix"]
    for name in ("zero", "circular"):
        # The same seed makes the same parameters.
        plain = evaluation(job if name == "zero" else job_of(**CLASSES, padding=name))
        column = found["cross"][name]
        assert column["accuracy"] == plain.accuracy
        assert column["loss"] == pytest.approx(plain.loss, 1e-5)
        assert column["border_loss"] is None
    losses = {column["loss"] for column in found["cross"].values()}
    assert len(losses) == 4
    assert found["cross"]["healpix"]["loss"] is None
    assert "12" in found["cross"]["healpix"]["reason"]


def test_curves_of_classes_are_those_of_the_functions(classes: Any):
    job, found = classes
    model, (images, labels) = job.model(job.init()), test_set(job)
    distance = by_distance(model, images, labels)
    assert found["distance"]["what"] == distance.what
    assert found["distance"]["cells"] == [0, 1, 2, 3]
    assert found["distance"]["count"] == [355] * 4
    assert found["distance"]["accuracy"] == distance.accuracy
    assert found["distance"]["loss"] == as_text(distance.loss)
    cut = by_cutout(model, images, labels)
    assert found["cutout"]["border"] == cut.border
    assert found["cutout"]["centre"] == as_text(cut.centre)
    assert found["cutout"]["border"][0] == found["cross"]["zero"]["accuracy"]
    shift = shift_consistency(model, images, labels)
    assert found["shift"] == shift._asdict()


def test_maps_are_those_of_the_functions(classes: Any):
    job, found = classes
    model, (images, _) = job.model(job.init()), test_set(job)
    few = measure.spread(job.test_batches, measure.MAPS)
    used = [n for k in sorted(few) for n in range(128 * k, min(128 * (k + 1), 355))]
    maps = activation_maps(model, images[used])
    blank = activation_maps(model, np.zeros_like(images[:1]))
    for kind, expected in (
        ("mean", maps),
        ("blank", blank),
        ("foveation", foveation_maps(model, (1, 8, 8, 1))),
    ):
        np.testing.assert_allclose(
            found["arrays"][f"{kind}/conv"], expected["conv"], rtol=1e-5
        )
    assert len(found["arrays"]) == 3
    assert found["unevenness"][0]["layer"] == "conv"
    assert found["unevenness"][0]["border_to_centre"] < 1
    assert len(found["unevenness"][0]["sides"]) == 4


def test_pixels(pixels: Any):
    job, found = pixels
    model, (images, labels) = job.model(job.init()), test_set(job)
    plain: Segmentation = evaluation(job)
    column = found["cross"]["zero"]
    assert column["accuracy"] == plain.pixel_accuracy
    assert column["miou"] == plain.mean_iou
    assert column["loss"] == pytest.approx(plain.loss, 1e-5)
    distance = by_distance(model, images, labels)
    assert found["distance"]["accuracy"] == distance.accuracy
    assert found["distance"]["count"] == distance.count
    assert found["distance"]["loss"] == as_text(distance.loss)
    assert column["border_loss"] == pytest.approx(distance.loss[0], 1e-5)
    assert found["cross"]["circular"]["border_loss"] != column["border_loss"]
    cut = by_cutout(model, images, labels, figure=lambda c: Segmentation(c).mean_iou)
    assert found["headline"] == "miou"
    assert found["cutout"]["border"] == as_text(cut.border)
    assert found["cutout"]["centre"] == as_text(cut.centre)
    assert found["cutout"]["border"][0] == plain.mean_iou
    shift = shift_consistency(model, images, labels)
    assert found["shift"] == shift._asdict()


def test_a_padding_that_changes_the_size_has_no_figures_of_pixels(pixels: Any):
    column = pixels[1]["cross"]["valid"]
    assert column["accuracy"] is column["loss"] is column["border_loss"] is None
    assert "(16, 6, 10, 3)" in column["reason"]


def test_one_device_says_what_eight_say(pixels: Any, tmp_path: pathlib.Path):
    job, found = pixels
    assert job.placement.mesh.shape["data"] == 8
    alone = written(job_of(1, **MASKS), tmp_path)
    for key in ("distance", "cutout", "shift"):
        for name, values in alone[key].items():
            same = values if name == "what" else as_text(values)
            assert found[key][name] == same
    for name, array in alone["arrays"].items():
        np.testing.assert_allclose(found["arrays"][name], array, rtol=1e-4, atol=1e-6)


def test_valid_takes_the_amounts_of_the_model_under_zeros(
    classes: Any, tmp_path: pathlib.Path
):
    job = job_of(model=SHALLOW, padding="valid", cross_paddings=("zero",))
    found, other = written(job, tmp_path)["cross"], classes[1]["cross"]
    for name in ("zero", "valid"):  # the same parameters
        assert found[name]["loss"] == pytest.approx(other[name]["loss"], 1e-5)


def test_a_model_without_borders_has_no_maps(tmp_path: pathlib.Path):
    found = written(job_of(cross_paddings=()), tmp_path)
    assert found["unevenness"] == []
    assert found["arrays"] == {}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The folder of a run of three steps, which other tests then look at in turn."""
    folder = tmp_path_factory.mktemp("run")
    job = small_run(borders=True)
    with jax.numpy_dtype_promotion("standard"):
        run(job, folder, Console(quiet=True))
    return folder


def small_run(**changes: Any) -> Job:
    with jax.numpy_dtype_promotion("standard"):
        own = {"steps": 3, "warmup_epochs": 0.0, "cross_paddings": ("circular",)}
        return build(tiny_config(**(own | changes)))


def borders_of(folder: pathlib.Path) -> dict[str, Any]:
    return json.loads((folder / "borders.json").read_text())


def test_results_say_what_a_step_takes(finished: pathlib.Path):
    results = json.loads((finished / "results.json").read_text())
    rows = read_metrics(finished / "metrics.jsonl")
    spent = max(row.get("train_seconds", 0) for row in rows)
    # The first of three steps compiles.
    assert results["step_seconds"] == pytest.approx(spent / 2, 1e-6)
    assert results["memory_bytes"] > 1000


def test_memory_is_read_off_what_was_compiled(tmp_path: pathlib.Path):
    compiled: list[str] = []

    def note(event: str, duration: float, **about: Any) -> None:
        if event == "/jax/core/compile/backend_compile_duration":
            compiled.append(str(about.get("fun_name")))

    listen: Any = note
    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        results = run(small_run(seed=1), tmp_path, Console(quiet=True))
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)
    assert len([name for name in compiled if "train_step" in name]) == 1
    assert results["memory_bytes"] > 1000
    assert not (tmp_path / "borders.json").exists()
    # Gone on with, it does nothing, and says what it said.
    assert run(small_run(seed=1), tmp_path, Console(quiet=True)) == results


def test_a_finished_run_is_looked_at_once(
    finished: pathlib.Path, monkeypatch: pytest.MonkeyPatch
):
    looks = []
    original = Measure.run

    def counted(self: Measure) -> Any:
        looks.append(list(self.see))
        return original(self)

    monkeypatch.setattr(Measure, "run", counted)
    (finished / "borders.json").unlink()
    for _ in range(2):
        run(small_run(borders=True), finished, Console(quiet=True))
    assert looks == [["partial", "circular"]]
    found, results = (
        json.loads((finished / f"{name}.json").read_text())
        for name in ("borders", "results")
    )
    assert found["step"] == 3
    assert found["cross"]["partial"]["accuracy"] == results["test"]["accuracy"]


def test_when_it_is_done_again(finished: pathlib.Path, tmp_path: pathlib.Path):
    for name in ("borders.json", "borders.npz"):
        shutil.copy(finished / name, tmp_path / name)
    fewer, other = (
        small_run(borders=True, cross_paddings=names) for names in ((), ("reflect",))
    )
    assert write.is_there(tmp_path, fewer, 3)
    assert not write.is_there(tmp_path, other, 3)
    assert not write.is_there(tmp_path, fewer, 2)
    (tmp_path / "borders.npz").unlink()
    assert not write.is_there(tmp_path, fewer, 3)


def test_a_run_that_is_asked_to_end_writes_nothing(
    finished: pathlib.Path, monkeypatch: pytest.MonkeyPatch
):
    stop, original, ticks = Stop(), Progress.tick, []
    before = (finished / "borders.json").read_bytes()

    def tick(self: Progress) -> None:
        ticks.append(self.done)
        stop.ask()
        original(self)

    monkeypatch.setattr(Progress, "tick", tick)
    job = small_run(borders=True, cross_paddings=("symmetric",))
    with pytest.raises(StoppedError):
        run(job, finished, Console(quiet=True), stop=stop)
    assert ticks == [0]  # at once, and not before the next batch
    assert (finished / "borders.json").read_bytes() == before


def test_the_command_measures_an_older_run(
    finished: pathlib.Path, capsys: pytest.CaptureFixture[str]
):
    saved = json.loads((finished / "config.json").read_text())
    for key in ("borders", "cross_paddings"):
        saved.pop(key, None)
    (finished / "config.json").write_text(json.dumps(saved))
    own = ["--import", "tests.train.tiny:Linear"]
    command.main([str(finished), "--paddings", "zero,constant(value=1.0)", *own])
    found = borders_of(finished)
    assert list(found["cross"]) == ["partial", "zero", "constant(value=1.0)"]
    assert found["step"] == 3
    assert capsys.readouterr().out.endswith("borders.json\n")
    for wrong, text in (
        ([str(finished), "--paddings", "zreo", *own], "unknown padding 'zreo'"),
        ([str(finished)], "tests.train.tiny:Linear"),
        ([str(finished / "nothing")], "is no run's folder"),
    ):
        with pytest.raises(SystemExit) as end:
            command.main(wrong)
        assert end.value.code == 2
        assert text in capsys.readouterr().err


def test_progress_says_how_long_it_takes(monkeypatch: pytest.MonkeyPatch):
    now = [0.0]
    monkeypatch.setattr(measure.time, "monotonic", lambda: now[0])
    progress = Progress(10, Stop())
    assert progress.status().parts == ["batch 0 of 10"]
    now[0], progress.done = 30.0, 2
    status = progress.status()
    assert status.parts == ["2 min left", "batch 2 of 10"]
    assert (status.head, status.done, status.total) == ("looking near borders", 2, 10)


def test_batches_are_spread_over_the_set():
    job = job_of()
    assert measure.spread(job.test_batches, 10**6) == {0, 1, 2}
    assert measure.spread(job.test_batches, 200) == {0, 2}
    assert measure.spread(job.test_batches, 1) == {0}
