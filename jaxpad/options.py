"""The launcher's flags, but for the config."""

import sys

from absl import flags


def define_flags() -> None:
    """Defines every flag but --config."""
    flags.DEFINE_string(
        "workdir",
        None,
        "Where the run's files go (default: a new folder in runs/). Given the folder "
        "of a run that was stopped, the run goes on.",
    )
    flags.DEFINE_bool(
        "allow_changes",
        False,
        "Go on with the run in --workdir from its newest checkpoint although keys of "
        "the config, or the data, have changed what it learns. The old config is kept.",
    )
    flags.DEFINE_bool(
        "check",
        False,
        "Look at config, folder, data and memory, say what is wrong, and end: nothing "
        "is trained, and no accelerator is used.",
    )
    flags.DEFINE_integer(
        "profile",
        None,
        "Trace so many steps, soon after the first, into WORKDIR/profile.",
    )
    flags.DEFINE_string(
        "replay",
        None,
        "A batch-STEP.npz that a run kept in --workdir because its steps were not "
        "finite: take that step again, print where, and end.",
    )
    _define_plan()
    _define_sweep()
    _define_processes()


def list_in_help(*modules: str) -> None:
    """Makes --help list the flags that these modules define.

    It lists those of the script, which defines none: it only calls.
    """
    for module in modules:
        for flag in flags.FLAGS.get_key_flags_for_module(module):
            flags.FLAGS.register_key_flag_for_module(sys.argv[0], flag)


def _define_plan() -> None:
    flags.DEFINE_bool(
        "compile_only",
        False,
        "Compile the training step, print what it takes of each device, write it to "
        "plan.json in --workdir (default: the current folder), and end: with 2 if it "
        "does not fit.",
    )
    flags.DEFINE_string(
        "topology",
        None,
        'With --compile_only: a TPU that need not be there, such as "v5e:4x4" '
        "(default: the devices that jax sees).",
    )


def _define_sweep() -> None:
    flags.DEFINE_multi_string(
        "sweep",
        None,
        "KEY=VALUE,VALUE,... of the config, such as padding=zero,partial or seed=0:5: "
        "train a run for each value, in a folder of --workdir (default: "
        "runs/CONFIG-sweep). More such words make every combination, and 'zip(KEY=... "
        "KEY=...)' makes pairs; without words, what sweep() of the config file yields. "
        "The same command again does what is missing. With --compile_only the step of "
        "each is compiled, and the table written to plans.json: it ends with 2 if any "
        "does not fit.",
    )
    flags.DEFINE_integer(
        "jobs",
        1,
        "With --sweep: runs at a time, each in a process with devices, or cores, of "
        "its own.",
    )
    flags.DEFINE_bool(
        "one_program",
        False,
        "With --sweep: runs that differ in the seed alone are one program, in which "
        "each has a device of its own.",
    )
    flags.DEFINE_bool(
        "dry_run", False, "With --sweep: list the runs and what is missing, and end."
    )
    flags.DEFINE_enum(
        "print",
        None,
        ["slurm", "tpu"],
        "With --sweep: print a script that does what is missing, an array of Slurm or "
        "one run after another on all hosts of a TPU pod, and end.",
    )


def _define_processes() -> None:
    flags.DEFINE_bool(
        "distributed",
        False,
        "Train together with the other processes of this cluster: a TPU pod, Slurm, "
        "Open MPI or Kubernetes. Each is started with the same command.",
    )
    flags.DEFINE_string(
        "coordinator",
        None,
        "HOST:PORT of process 0, for processes that no cluster tells of each other: "
        "with --processes and --process, and instead of --distributed.",
    )
    flags.DEFINE_integer("processes", None, "How many there are, with --coordinator.")
    flags.DEFINE_integer(
        "process", None, "Which this one is, from 0, with --coordinator."
    )
