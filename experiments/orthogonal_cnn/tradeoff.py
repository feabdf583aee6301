"""Part e: accuracy, robustness and singular values over the weight of L_orth."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from attack import attack, certified
from classifier import Data, Net, Program, Trainer, digits, spectrum
from flax import nnx


WEIGHTS = (0.0, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)
RADII = (0.25, 0.5, 0.75)  # of L2 balls, for pixels from 0 to 1
# Shape, kind of layer, weights. The last row but two is the bad start of square layers.
ARMS = (
    ("rectangular", "Glorot", WEIGHTS),
    ("square", "delta", WEIGHTS),
    ("square", "Glorot", WEIGHTS[-3:]),
    ("rectangular", "exact", (0.0,)),
    ("square", "exact", (0.0,)),
)


def judge(net: Net, program: Program, test: Data, steps: int) -> dict[str, float]:
    """Percentages of the test images, and the spectrum."""
    parameters = nnx.split(net)[1]
    images, labels = jnp.asarray(test.images), jnp.asarray(test.labels)

    def outputs(images: Any) -> np.ndarray:
        return np.asarray(program.outputs(parameters, images))

    def percent(right: np.ndarray) -> float:
        return round(100 * float(right.mean()), 2)

    ends, clean = spectrum(net), outputs(images)
    proven = certified(
        clean, test.labels, np.asarray(net.directions()), ends["lipschitz"]
    )
    found = {"clean": percent(clean.argmax(-1) == test.labels)}
    for radius in RADII:
        moved = attack(
            *(program.outputs, parameters, images, labels, jax.random.key(0)),
            radius=radius,
            steps=steps,
        )
        right = outputs(moved).argmax(-1) == test.labels
        found[f"PGD {radius}"] = percent(right)
        found[f"certified {radius}"] = percent(proven > radius)
    return found | {name: round(value, 4) for name, value in ends.items()}


def measure(
    seeds: Sequence[int], steps: int, pgd: int, say: Callable[[str], None]
) -> dict[str, Any]:
    """For each arm and weight, each number as a list over the seeds."""
    train, test = digits()
    found: dict[str, Any] = {}
    for shape, kind, weights in ARMS:
        trainer = Trainer(shape, kind, steps)
        for weight in weights:
            runs = []
            for seed in seeds:
                say(f"{shape} from {kind}, weight {weight}, seed {seed}")
                net = trainer(train, weight, seed)
                runs.append(judge(net, trainer.program, test, pgd))
            lists = {name: [run[name] for run in runs] for name in runs[0]}
            found.setdefault(f"{shape}, {kind}", {})[str(weight)] = lists
    return found
