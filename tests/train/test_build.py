"""Every mistake in a config is found before anything is compiled."""

from typing import Any

import jax
import pytest

from jaxpad.train import build

from .jobs import small_config


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"padding": "partail"}, "unknown padding 'partail'. Did you mean 'partial'"),
        ({"padding": "valid"}, "the smallest legal input is 81x81"),
        ({"padding": "constant(v=1)"}, "no option 'v'; it takes value"),
        ({"model": "resnet21"}, "unknown model 'resnet21'. Did you mean 'resnet"),
        ({"dataset": "digit"}, "unknown data set 'digit'. Did you mean 'digits'"),
        ({"augment": "shfit"}, "unknown augmentation 'shfit'"),
        ({"schedule": "cos"}, "unknown schedule 'cos'"),
        ({"dtype": "float8"}, "config.dtype='float8'"),
        ({"batch_size": 0}, "config.batch_size=0"),
        ({"batch_size": 100}, "does not split over 8 devices: use 96 or 104"),
        ({"batch_size": 4096}, "more than the 1442 training examples"),
        ({"epochs": 0}, "config.epochs=0"),
        ({"checkpoint_steps": -1}, "config.checkpoint_steps=-1"),
        ({"learning_rate": float("nan")}, "config.learning_rate=nan"),
        ({"label_smoothing": 1.0}, "config.label_smoothing=1.0"),
        ({"warmup_epochs": 2.0}, "warmup_epochs=2.0 leaves nothing"),
    ],
)
def test_mistake_is_named_before_compiling(changes: dict[str, Any], message: str):
    compiled: list[str] = []

    def listen(event: str, duration: float, **kwargs: Any) -> None:
        if event == "/jax/core/compile/backend_compile_duration":
            compiled.append(str(kwargs.get("fun_name")))

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        with pytest.raises(ValueError, match=message):
            build(small_config(**changes))
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)
    assert not any("step" in name for name in compiled)


def test_same_seed_same_start_other_seed_other_start():
    def total(seed: int) -> float:
        state = build(small_config(seed=seed)).init()
        return float(sum(abs(p).sum() for p in jax.tree.leaves(state.params)))

    assert total(0) == total(0)
    assert total(0) != total(1)


def test_job_counts():
    job = build(small_config())
    assert job.steps == 2 * (1442 // 128)
    leaves = jax.tree.leaves(job.init())
    assert job.state_bytes == sum(leaf.nbytes for leaf in leaves)
