"""Train a model: flags, config, workdir; no logic.

python launch.py [--config FILE] [--config.KEY=VALUE ...] [--workdir DIR]
                 [--check] [--profile STEPS] [--allow_changes] [--replay FILE]
                 [--compile_only [--topology NAME]]
                 [--sweep [KEY=VALUE,VALUE,... ...] [--jobs N] [--one_program]
                 [--dry_run] [--print slurm|tpu]]
                 [--distributed] [--coordinator HOST:PORT --processes N --process I]

Its exit codes stand in jaxpad/train/exits.py and docs/reliability.md: 2 is a config or
data that starting again does not mend, 42 a run that SIGTERM stopped and that goes on
when it is started again.
"""

import pathlib
import sys
from typing import Any


try:
    from absl import app, flags

    from ..options import define_flags, list_in_help
    from .config import (
        default_config as default_config,
        define_config as define_config,
        parse_flags as parse_flags,
    )
    from .endings import fail, prompt, quiet
    from .many import run_sweep
    from .one import check, plan, replay, run_one
except ImportError as error:
    sys.exit(f'error: {error}. The trainer is an extra: pip install "jaxpad[train]"')


# Flags of a run that is several processes.
PROCESSES = ("distributed", "coordinator", "processes", "process")


def main() -> None:
    """The `jaxpad` command."""
    define_flags()
    define_config(flags.FLAGS, sys.argv)
    list_in_help(define_config.__module__, define_flags.__module__)
    app.run(_train, flags_parser=parse_flags)


def _train(argv: list[str]) -> None:
    # What follows --sweep is more of it.
    swept = flags.FLAGS.sweep is not None
    words = [word for word in [*(flags.FLAGS.sweep or []), *argv[1:]] if word]
    if len(argv) > 1 and not swept:
        fail(f"unexpected {argv[1]!r}: flags begin with --")
    if not flags.FLAGS["verbosity"].present:
        quiet()
    _check_together(swept)
    if flags.FLAGS.check:
        check()
    if flags.FLAGS.compile_only:
        plan(words)
    if swept:
        run_sweep(words)
    if flags.FLAGS.replay is not None:
        replay(pathlib.Path(flags.FLAGS.replay))
    from ..address import read_address

    given = flags.FLAGS
    try:
        address = read_address(given.coordinator, given.processes, given.process)
    except ValueError as error:
        fail(str(error))
    if not (address or given.distributed):
        return _alone()
    _together(address)


def _check_together(swept: bool) -> None:
    """Exits with 2 for a flag without the one that it is for."""
    given = flags.FLAGS
    if given.topology is not None and not given.compile_only:
        fail("--topology is for --compile_only: give that too, or leave it out.")
    for name in ("check", "replay", "profile", "allow_changes", *PROCESSES):
        if given[name].present and swept:
            fail(f"--{name} is for a run by itself: leave out that, or --sweep.")
    for name in ("jobs", "one_program", "dry_run", "print"):
        if given[name].present and (given.compile_only or not swept):
            fail(f"--{name} is for --sweep: give that too, or leave it out.")


def _alone() -> None:
    from ..train import Stop

    stop = Stop()
    with prompt(stop):
        run_one(stop, first=True)


def _together(address: dict[str, Any]) -> None:
    first = _joined(address)
    from ..train import Stop
    from ..train.watch import watched

    stop = Stop(alone=False)
    with prompt(stop), watched(stop):
        run_one(stop, first)


def _joined(address: dict[str, Any]) -> bool:
    """Whether this process, which joins the others of its cluster, is the first."""
    if flags.FLAGS.workdir is None:
        fail("several processes need --workdir, a folder that all of them see.")
    import jax

    try:
        # Its notifier would take SIGTERM from this program.
        jax.config.update("jax_enable_preemption_service", False)
        jax.distributed.initialize(**address)
    except ValueError as error:
        fail(
            f"--distributed: {error} JAX knows of no cluster here: start this under "
            "Slurm, Open MPI or Kubernetes, or on a TPU pod, say who is who by "
            "--coordinator, --processes and --process, or leave the flag out."
        )
    return jax.process_index() == 0
