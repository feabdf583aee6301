"""Bytes and memory of the programs as compiled for a TPU, on a machine without one.

Needs libtpu, the version that jax's `tpu` extra names. Prints one JSON line for each
program, so that what was compiled is kept when the rest is stopped.
"""

import json
import os
import sys
from typing import Any


os.environ.update(
    TPU_SKIP_MDS_QUERY="1", JAX_PLATFORMS="cpu", ALLOW_MULTIPLE_LIBTPU_LOAD="1"
)

import jax
import jax.numpy as jnp
from jax import lax
from jax.experimental import topologies
from jax.sharding import SingleDeviceSharding
from programs import blocks, by_jaxpad

import jaxpad
from jaxpad.conv import traffic


MAPS = {"56x56x64": (128, 56, 56, 64), "14x14x256": (128, 14, 14, 256)}
ARMS = [
    ("zero", "built_in"),
    ("circular", "explicit"),
    ("circular", "kernel"),
    ("zero", "apart"),
    ("partial", "built_in"),
    ("reflect", "explicit"),
    ("replicate", "explicit"),
    ("symmetric", "explicit"),
    ("circular", "repad"),
    ("circular", "strips"),
    ("reflect", "kernel"),
]


def apart(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """A zero-padded convolution into which XLA can fuse nothing: a kernel's floor."""
    x, kernel = lax.optimization_barrier((x, kernel))
    return lax.optimization_barrier(jaxpad.conv(x, kernel))


def cost(shape: tuple[int, ...], padding: str, strategy: str) -> dict[str, float]:
    """What XLA counts in the compiled step, in MiB.

    A kernel's bytes are those that its author states, so they are given apart too, as
    counted from its grid and blocks.
    """
    topology = topologies.get_topology_desc("v5e:2x2", "tpu")
    where = SingleDeviceSharding(topology.devices[0])
    apply = apart if strategy == "apart" else by_jaxpad(padding, strategy)
    step, arguments = blocks_shapes(shape, apply)
    placed = jax.tree.map(
        lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype, sharding=where), arguments
    )
    program = jax.jit(step).lower(*placed).compile()
    memory = program.memory_analysis()
    return {
        "bytes": round(program.cost_analysis()["bytes accessed"] / 2**20, 1),
        "temporary": round(memory.temp_size_in_bytes / 2**20, 1),
        **_kernels(step, arguments),
    }


def _kernels(step: Any, arguments: Any) -> dict[str, float]:
    moved = sum(call.bytes for call in traffic(step, *arguments))
    return {"of which kernels": round(moved / 2**20, 1)} if moved else {}


def blocks_shapes(shape: tuple[int, ...], apply):
    """The step of two blocks, and its arguments as shapes without contents."""
    made = []

    def arguments():
        step, given = blocks(shape, apply, jnp.bfloat16)
        made.append(step)
        return given

    return (lambda *given: made[0](*given)), jax.eval_shape(arguments)


def main() -> None:
    done = {tuple(arm.split()) for arm in sys.argv[1:]}
    for name, shape in MAPS.items():
        for padding, strategy in ARMS:
            if (name, padding, strategy) not in done:
                found = cost(shape, padding, strategy)
                print(json.dumps([name, padding, strategy, found]), flush=True)


if __name__ == "__main__":
    main()
