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

import contextlib
import datetime
import importlib.util
import logging as standard
import os
import pathlib
import re
import sys
import traceback
from collections.abc import Iterator
from typing import Any, NoReturn


try:
    from absl import app, flags, logging
    from ml_collections import config_flags
    from rich.console import Console

    from .options import define_flags, list_in_help
except ImportError as error:
    sys.exit(f'error: {error}. The trainer is an extra: pip install "jaxpad[train]"')


# What ml_collections would take for the key is parsed as Python.
_OVERRIDE = re.compile(r"--?config(\.[A-Za-z_]\w*(\[\d+\])*)+(=.*)?", re.DOTALL)
# In a wheel the configs lie inside the package, in a checkout beside it.
_HERE = pathlib.Path(__file__).parent
_CONFIGS = next(p for p in (_HERE / "configs", _HERE.parent / "configs") if p.exists())


def default_config() -> Any:
    """The config of configs/default.py, for the configs of other jobs to change."""
    spec = importlib.util.spec_from_file_location("default", _CONFIGS / "default.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.get_config()


def main() -> None:
    """The `jaxpad` command."""
    define_flags()
    define_config(flags.FLAGS, sys.argv)
    list_in_help(__name__, define_flags.__module__)
    app.run(_train, flags_parser=parse_flags)


def define_config(values: flags.FlagValues, argv: list[str]) -> None:
    """Defines --config and a flag for each key; exits with 2 for one that is none."""
    default = _CONFIGS / "default.py"
    given = [arg for arg in argv[1:] if arg.lstrip("-").startswith("config.")]
    for word in given:
        if not _OVERRIDE.fullmatch(word):
            _fail(
                f"{word}: expected --config.KEY=VALUE; all keys, with their meaning, "
                f"stand in {default}."
            )
    try:
        # This reads the command line, and so finds keys that do not exist.
        config_flags.DEFINE_config_file(
            "config",
            str(default),
            "The job: a file with get_config().",
            flag_values=values,
            sys_argv=argv,
        )
    except (AttributeError, KeyError) as error:
        inner = error.args[0]
        reason = inner.args[0] if isinstance(inner, Exception) else inner
        _fail(
            f"{' '.join(given)}: the config has no key {reason}\nAll keys, with "
            f"their meaning, stand in {default}."
        )
    except (TypeError, ValueError) as error:
        if (
            "ml_collections"
            not in traceback.extract_tb(error.__traceback__)[-1].filename
        ):
            raise  # of the config file itself
        # A key below one, or one called "None".
        _fail(
            f"{' '.join(given)}: no such key ({error})\nAll keys, with their meaning, "
            f"stand in {default}."
        )


def parse_flags(argv: list[str], values: flags.FlagValues = flags.FLAGS) -> list[str]:
    """What is no flag on a command line; exits with 2 for one that cannot be read."""
    following = [*argv[1:], "--"]
    given = [
        f"{word}=" if word.lstrip("-") == "sweep" and after.startswith("-") else word
        for word, after in zip(argv, following, strict=True)
    ]
    try:
        rest = values(given)
        _ = values.config.to_dict  # of a file that is not there, this raises
        return rest
    except (flags.Error, OSError) as error:
        _fail(f"{error}\n--help lists the flags.")


def _train(argv: list[str]) -> None:
    # What follows --sweep is more of it.
    swept = flags.FLAGS.sweep is not None
    words = [word for word in [*(flags.FLAGS.sweep or []), *argv[1:]] if word]
    if len(argv) > 1 and not swept:
        _fail(f"unexpected {argv[1]!r}: flags begin with --")
    if not flags.FLAGS["verbosity"].present:
        # Orbax logs every save, and every error that it also raises.
        logging.set_verbosity(logging.FATAL)
        standard.getLogger("jaxpad").setLevel(standard.WARNING)
        sys.unraisablehook = _unraisable
    _check_together(swept)
    if flags.FLAGS.check:
        _check()
    if flags.FLAGS.compile_only:
        _plan(words)
    if swept:
        _sweep(words)
    if flags.FLAGS.replay is not None:
        _replay(pathlib.Path(flags.FLAGS.replay))
    from .address import read_address

    given = flags.FLAGS
    try:
        address = read_address(given.coordinator, given.processes, given.process)
    except ValueError as error:
        _fail(str(error))
    if not (address or given.distributed):
        return _alone()
    _together(address)


def _check_together(swept: bool) -> None:
    """Exits with 2 for a flag without the one that it is for."""
    given = flags.FLAGS
    if given.topology is not None and not given.compile_only:
        _fail("--topology is for --compile_only: give that too, or leave it out.")
    for name in ("jobs", "one_program", "dry_run", "print"):
        if given[name].present and (given.compile_only or not swept):
            _fail(f"--{name} is for --sweep: give that too, or leave it out.")


def _alone() -> None:
    from .train import Stop

    stop = Stop()
    with _prompt(stop):
        _run(stop, first=True)


def _together(address: dict[str, Any]) -> None:
    first = _joined(address)
    from .train import Stop
    from .train.watch import watched

    stop = Stop(alone=False)
    with _prompt(stop), watched(stop):
        _run(stop, first)


def _unraisable(found: Any) -> None:
    """Leaves out what tensorstore says of each array after a save has failed."""
    if str(found.exc_value) != "Event loop is closed":
        sys.__unraisablehook__(found)


@contextlib.contextmanager
def _prompt(stop: Any) -> Iterator[None]:
    """Ends a run that was asked to, without waiting for threads that still read."""
    try:
        yield
    except SystemExit as end:
        if not stop.asked:
            raise
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(int(end.code or 0))


def _run(stop: Any, first: bool) -> None:
    # Imported after the flags are read, so that a typing error is answered at once.
    from .reports import write_report
    from .reports.words import summary
    from .train import build, how_to_open, listening, run

    console, given = Console(soft_wrap=True, quiet=not first), flags.FLAGS
    folder = pathlib.Path(given.workdir or _new_folder(given.config))
    with _endings(stop, console, folder):
        with listening(stop, console):
            results = run(
                build(given.config),
                folder,
                console,
                given.profile,
                stop=stop,
                allow_changes=given.allow_changes,
            )
        report = write_report(folder) if first else None
    if report is None:
        return
    console.print(summary(results, folder, report), highlight=False)
    if given.profile:
        console.print(how_to_open(folder), highlight=False)


@contextlib.contextmanager
def _endings(stop: Any, console: Console, folder: pathlib.Path) -> Iterator[None]:
    """Turns what ends a run into words and an exit code."""
    from .train import DamagedError, Exit, NumbersError, StoppedError

    go_on = f"stopped; to go on, run the same with --workdir={folder}"
    try:
        yield
    except StoppedError:
        console.print(go_on, highlight=False)
        sys.exit(stop.code)
    except KeyboardInterrupt:  # while the report is written
        console.print(go_on, highlight=False)
        sys.exit(130)
    except (TypeError, ValueError, ImportError) as error:
        _fail(str(error))
    except NumbersError as error:
        _fail(str(error), Exit.NUMBERS)
    except MemoryError as error:
        _fail(str(error), Exit.MEMORY)
    except DamagedError as error:
        _fail(str(error), Exit.DAMAGED)
    except OSError as error:
        _fail(str(error), Exit.FAILED)


def _joined(address: dict[str, Any]) -> bool:
    """Whether this process, which joins the others of its cluster, is the first."""
    if flags.FLAGS.workdir is None:
        _fail("several processes need --workdir, a folder that all of them see.")
    import jax

    try:
        # Its notifier would take SIGTERM from this program.
        jax.config.update("jax_enable_preemption_service", False)
        jax.distributed.initialize(**address)
    except ValueError as error:
        _fail(
            f"--distributed: {error} JAX knows of no cluster here: start this under "
            "Slurm, Open MPI or Kubernetes, or on a TPU pod, say who is who by "
            "--coordinator, --processes and --process, or leave the flag out."
        )
    return jax.process_index() == 0


def _fail(reason: str, code: int = 2) -> NoReturn:
    print(f"error: {reason}", file=sys.stderr)
    sys.exit(code)


def _check() -> NoReturn:
    """Prints what a check finds, and exits with the worst of it."""
    import jax

    # Before anything asks for a device, and whatever the environment says.
    jax.config.update("jax_platforms", "cpu")
    from .train import check_profile, preflight

    config, profile = flags.FLAGS.config, flags.FLAGS.profile
    folder = pathlib.Path(flags.FLAGS.workdir or _new_folder(config))
    worst = 0
    allow = flags.FLAGS.allow_changes
    for name, text, code in preflight(
        config, folder, check_profile(profile), allow_changes=allow
    ):
        first, *more = text.splitlines() or [""]
        print(f"{'error' if code else 'ok':6}{name:11}{first}")
        print(*(f"{'':17}{line}\n" for line in more), sep="", end="", flush=True)
        worst = max(worst, code)
    print("\nnothing was trained" if not worst else "\nthe run would fail")
    sys.exit(worst)


def _plan(words: list[str]) -> NoReturn:
    """Prints and writes what compiled steps take; exits with 2 if one does not fit."""
    import jax

    if flags.FLAGS.topology is not None:
        # Before anything asks for a device: that TPU is only compiled for.
        jax.config.update("jax_platforms", "cpu")
    from .train import compile_only

    given = flags.FLAGS
    folder = pathlib.Path(given.workdir or ".")
    try:
        text, path, fits = compile_only(
            given.config, words, given.topology, folder, Console(soft_wrap=True)
        )
    except (TypeError, ValueError, ImportError) as error:
        _fail(str(error))
    except OSError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit("stopped")
    print(f"\n{text}\n\nwritten to {path}")
    sys.exit(0 if fits else 2)


def _sweep(words: list[str]) -> NoReturn:
    """Trains what is missing of a sweep, or lists it."""
    from .train.sweep import SCRIPTS, listed, own_sweep, read_sweep, runs_of, sweep

    given = flags.FLAGS
    path = pathlib.Path(config_flags.get_config_filename(given["config"]))
    folder = pathlib.Path(given.workdir or f"runs/{path.stem}-sweep")
    try:
        arms = read_sweep(words, given.config) if words else own_sweep(path)
        runs, command = runs_of(given.config, arms, folder), of_config(sys.argv)
        if given.dry_run:
            print(listed(runs))
        elif given.print:
            print(SCRIPTS[given.print](runs, ["python", *command]))
        elif given.one_program and not given.jobs:
            sys.exit(_seeds(runs))
        else:
            console, command = Console(soft_wrap=True), [sys.executable, *command]
            how = {"jobs": given.jobs, "one_program": given.one_program}
            code = sweep(given.config, runs, folder, command, console, **how)
            if code in (0, 1) and any(run.state == "finished" for run in runs):
                _report_sweep(folder, console)
            sys.exit(code)
        sys.exit(0)
    except (TypeError, ValueError, ImportError) as error:
        _fail(str(error))
    except OSError as error:
        _fail(str(error), 1)


def _seeds(runs: Any) -> int:
    """Trains runs as one program, in this process; returns the worst exit code."""
    from .train import listening
    from .train.sweep import OUTPUT, SharedStop, together

    stop, worst = SharedStop(), 0
    with _prompt(stop), listening(stop, Console(soft_wrap=True)):
        ended = together(flags.FLAGS.config, runs, stop)
    for run, error in zip(runs, ended, strict=True):
        with (run.folder / OUTPUT).open("a") as output:
            worst = max(worst, _ended(run.folder, error, stop, output))
    return worst


def _ended(folder: pathlib.Path, error: Any, stop: Any, output: Any) -> int:
    """Writes the report of a run, or says what has ended it; returns its exit code."""
    from .reports import write_report

    console = Console(file=output, soft_wrap=True)
    try:
        with contextlib.redirect_stderr(output), _endings(stop, console, folder):
            if error is not None:
                raise error
            write_report(folder)
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def _report_sweep(folder: pathlib.Path, console: Console) -> None:
    """Writes the page of a sweep that has come to its end."""
    from .reports.sweeps import write_sweep_report

    report = write_sweep_report(folder)
    console.print(f"report  {report}", highlight=False, markup=False)


def of_config(argv: list[str]) -> list[str]:
    """The program, and of its words those that say which config.

    Example:
        >>> of_config("launch.py --config a.py --config.seed=1 --sweep zero=0".split())
        ['launch.py', '--config', 'a.py', '--config.seed=1']
    """
    kept, value = argv[:1], False
    for word in argv[1:]:
        mine = re.match(r"--?config\b", word) is not None
        if mine or (value and not word.startswith("-")):
            kept.append(word)
        value = mine and "=" not in word
    return kept


def _replay(path: pathlib.Path) -> NoReturn:
    """Prints where a step on a kept batch is not finite."""
    from .train import DamagedError, Exit, build, replay

    folder = pathlib.Path(flags.FLAGS.workdir or path.parent)
    try:
        print(replay(build(flags.FLAGS.config), folder, path))
    except (TypeError, ValueError, ImportError) as error:
        _fail(str(error))
    except DamagedError as error:
        _fail(str(error), Exit.DAMAGED)
    sys.exit(0)


def _new_folder(config: Any) -> pathlib.Path:
    name = config.dataset.partition("(")[0].rpartition(":")[-1]
    now = datetime.datetime.now()
    return pathlib.Path("runs") / f"{name}-{now:%Y%m%d-%H%M%S}"
