"""Sweeps for other machines: a script for Slurm, and one for a TPU pod."""

import pathlib
import shlex
from collections.abc import Callable, Sequence

from .runs import Run


HEAD = """\
#!/bin/bash
# {count} runs of a sweep that are not finished. {what}
"""
SLURM = """\
#SBATCH --job-name=jaxpad-sweep
#SBATCH --array=0-{last}
#SBATCH --requeue
# Two minutes before the end a run is told to save its state.
#SBATCH --signal=B:TERM@120
cd {here}
case $SLURM_ARRAY_TASK_ID in
"""


def slurm(runs: Sequence[Run], command: Sequence[str]) -> str:
    """A script for `sbatch`: an array with a task for each run.

    Args:
        runs: of the sweep; those that are finished are left out.
        command: the program and its words, to which a run's own are added.
    """
    todo = _unfinished(runs)
    what = "Start it with sbatch, and again for what was cut off; add --gres, --time."
    cases = [f"{n}) exec {_line(run, command)} ;;" for n, run in enumerate(todo)]
    here = shlex.quote(str(pathlib.Path.cwd()))
    head = HEAD.format(count=len(todo), what=what)
    body = SLURM.format(last=len(todo) - 1, here=here)
    return head + body + "\n".join([*cases, "esac"])


def tpu(runs: Sequence[Run], command: Sequence[str]) -> str:
    """A script that starts each run on all hosts of a TPU pod, one after another.

    Args:
        runs: of the sweep; those that are finished are left out.
        command: as for `slurm`.
    """
    todo = _unfinished(runs)
    what = (
        "Set TPU and ZONE, and REPO, which every host has; runs lie in a folder that "
        "all see."
    )
    lines = [
        'gcloud compute tpus tpu-vm ssh "$TPU" --zone="$ZONE" --worker=all '
        + '--command="cd $REPO && "'
        + shlex.quote(f"{_line(run, command)} --distributed")
        for run in todo
    ]
    return HEAD.format(count=len(todo), what=what) + "\n".join(lines)


SCRIPTS: dict[str, Callable[[Sequence[Run], Sequence[str]], str]] = {
    "slurm": slurm,
    "tpu": tpu,
}


def _unfinished(runs: Sequence[Run]) -> list[Run]:
    todo = [run for run in runs if run.state != "finished"]
    if not todo:
        raise ValueError("--print: all runs of this sweep are finished.")
    return todo


def _line(run: Run, command: Sequence[str]) -> str:
    return shlex.join([*command, *run.flags])
