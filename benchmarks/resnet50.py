"""Does a ResNet-50 whose padding has a name cost more than one that has none?

Command: python benchmarks/resnet50.py [PART ...]; the parts are
         cpu (time of a float32 step at 224 pixels, batch 8) and
         tpu (FLOPs, bytes and memory of a bfloat16 step compiled for one TPU v5e,
         which needs no TPU but the package libtpu)
Device:  two CPU cores: cpu 3 minutes, tpu 12 minutes; a GPU: cpu measures it instead
Expect:  cpu at most 1.0, within its interval; tpu at most 1.02 of the FLOPs and 1.05
         of the bytes and of the peak of memory
"""

import argparse
import functools
import os
import sys
from typing import Any


if "tpu" in sys.argv[1:] or len(sys.argv) == 1:
    # Read when jax begins: the compiler alone is used, and it asks for no hardware.
    os.environ |= {"TPU_SKIP_MDS_QUERY": "1", "ALLOW_MULTIPLE_LIBTPU_LOAD": "1"}

import jax
import jax.numpy as jnp
import optax
from flax import nnx
from jax.experimental import topologies
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec
from peer_resnet import peer_step
from rounds import interval, rounds, row, say

from jaxpad.models import MODELS
from jaxpad.sharding import zero
from jaxpad.train.state import init_state
from jaxpad.train.step import train_step
from jaxpad.train.tasks import TASKS


OPTIMIZER = optax.chain(
    optax.add_decayed_weights(1e-4), optax.sgd(0.1, momentum=0.9, nesterov=True)
)


def our_step(dtype: Any, padding: str, mesh: Mesh) -> tuple[Any, Any]:
    """Of jaxpad: what makes its state, and the trainer's step without augmentation."""

    def make() -> nnx.Module:
        net = MODELS["resnet50"]
        return net(3, 1000, padding=padding, dtype=dtype, rngs=nnx.Rngs(0))

    model = nnx.eval_shape(make)
    step = functools.partial(
        train_step,
        graph=nnx.graphdef(model),
        task=TASKS["classification"],
        prepare=lambda batch: (batch["image"], jax.nn.one_hot(batch["label"], 1000)),
        split=zero(OPTIMIZER, nnx.state(model, nnx.Param), mesh, stage=0),
        schedule=optax.constant_schedule(0.1),
    )
    return lambda images: init_state(
        make(), OPTIMIZER
    ), lambda state, images, labels: step(state, {"image": images, "label": labels})


def programs(dtype: Any, device: Any) -> dict[str, tuple[Any, Any]]:
    """Peer and ours, each as (init, step)."""
    mesh = Mesh([device], ("data",), axis_types=(AxisType.Auto,))
    return {
        "flax": peer_step(dtype, OPTIMIZER),
        "jaxpad, zero": our_step(dtype, "zero", mesh),
        "jaxpad, partial": our_step(dtype, "partial", mesh),
    }


def shapes(batch: int, dtype: Any) -> tuple[Any, Any]:
    """Of images and labels."""
    return (
        jax.ShapeDtypeStruct((batch, 224, 224, 3), dtype),
        jax.ShapeDtypeStruct((batch,), jnp.int32),
    )


def cpu(arguments: argparse.Namespace) -> None:
    """Seconds of a step, as a part of the peer's in the same round."""
    calls = {}
    for name, (init, step) in programs(jnp.float32, jax.devices()[0]).items():
        say(f"compiling {name}")
        images, labels = (
            jnp.ones(s.shape, s.dtype) for s in shapes(arguments.batch, jnp.float32)
        )
        # Under jit, for operation by operation an initializer compiles much longer.
        state = jax.jit(init)(images)
        run = jax.jit(step).lower(state, images, labels).compile()
        calls[name] = functools.partial(_wait, run, state, images, labels)
    seconds = rounds(calls, arguments.rounds, f"batch {arguments.batch}")
    row("step", "ms", "images a second", "part of flax's time (95%)")
    row(*["---"] * 4)
    for name, own in seconds.items():
        middle, low, high = interval(own / seconds["flax"])
        typical = float(sorted(own)[len(own) // 2])
        row(
            name,
            f"{1e3 * typical:.0f}",
            f"{arguments.batch / typical:.1f}",
            f"{middle:.3f} ({low:.3f} to {high:.3f})",
        )


def _wait(run: Any, *arguments: Any) -> Any:
    return jax.block_until_ready(run(*arguments))


def tpu(arguments: argparse.Namespace) -> None:
    """What the compiler counts for one chip of a TPU v5e, bfloat16, batch 128."""
    device = topologies.get_topology_desc("v5e:2x2", "tpu").devices[0]
    mesh = jax.sharding.Mesh([device], ("data",))
    here = NamedSharding(mesh, PartitionSpec())
    row("step", "TFLOP", "GB moved", "GiB at the peak", "parts of flax's")
    row(*["---"] * 5)
    base = None
    for name, (init, step) in programs(jnp.bfloat16, device).items():
        say(f"compiling {name} for a TPU v5e")
        given = shapes(arguments.tpu_batch, jnp.bfloat16)
        state = jax.eval_shape(init, given[0])
        jitted = jax.jit(step, in_shardings=here, out_shardings=here, donate_argnums=0)
        done = jitted.lower(state, *given).compile()
        cost, memory = done.cost_analysis(), done.memory_analysis()
        found = (
            cost["flops"],
            cost["bytes accessed"],
            memory.peak_memory_in_bytes,
        )
        base = base or found
        parts = (f"{a / b:.3f}" for a, b in zip(found, base, strict=True))
        flops, moved, peak = found
        row(
            name,
            f"{flops / 1e12:.3f}",
            f"{moved / 1e9:.2f}",
            f"{peak / 2**30:.3f}",
            ", ".join(parts),
        )


PARTS = {"cpu": cpu, "tpu": tpu}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    # With none, argparse looks for the empty list among the choices.
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], metavar="PART")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--batch", type=int, default=8, help="images a step")
    parser.add_argument("--tpu_batch", type=int, default=128)
    arguments = parser.parse_args()
    device = jax.devices()[0].device_kind
    print(f"{device}, {os.cpu_count()} cores, jax {jax.__version__}")
    for part in arguments.parts or PARTS:
        PARTS[part](arguments)


if __name__ == "__main__":
    main()
