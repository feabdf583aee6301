"""What can happen to a run: forty cases, and the tests that make each happen.

A test is `folder/file::name`, below `tests/` and without `test_` and `.py`. Where there
is none, the last column says why.
"""

from typing import NamedTuple


def place(test: str) -> tuple[str, str]:
    """The file and the name of a test, as pytest has them."""
    where, name = test.split("::")
    folder, _, file = where.rpartition("/")
    return "/".join(["tests", *folder.split(), f"test_{file}.py"]), f"test_{name}"


class Case(NamedTuple):
    """One thing that can happen.

    Attributes:
        what: happens.
        then: what the run does.
        tests: that show it.
        left: what no test here shows, and why.
    """

    what: str
    then: str
    tests: tuple[str, ...] = ()
    left: str = ""


CASES = (
    Case(
        "kill -9 at any step",
        "started again, it ends with the same bits; no process of it stays",
        (
            "train/resume::killed_run_ends_bit_equal",
            "data/broken::a_worker_ends_with_a_process_that_is_killed",
        ),
    ),
    Case(
        "kill -9 in the middle of a save",
        "the checkpoint before it is used; what was left half is deleted, and said",
        ("train/checkpoint::kill_in_the_middle_of_a_save",),
    ),
    Case(
        "SIGTERM at a step",
        "a checkpoint of that step, exit code 42",
        ("faults/signals::while_data_do_not_come", "train/watch::one_is_asked_to_stop"),
    ),
    Case(
        "SIGTERM while it compiles, tests or waits for data; a second one",
        "honoured there; at once",
        (
            "faults/signals::while_it_compiles",
            "faults/signals::during_evaluation",
            "faults/signals::while_data_do_not_come",
            "faults/signals::the_second_ends_it_at_once",
        ),
    ),
    Case(
        "SIGTERM with and without jax.distributed",
        "alike; in a cluster all end after the same step",
        (
            "train/watch::one_is_asked_to_stop",
            "train/watch::the_first_outlives_the_others",
            "faults/stop::all_end_after_the_same",
        ),
    ),
    Case(
        "SIGINT",
        "as SIGTERM, exit code 130",
        ("faults/signals::while_data_do_not_come",),
    ),
    Case(
        "one flipped bit in a checkpoint",
        "the file is named, the checkpoint set aside, the one before it used",
        (
            "train/checkpoint::a_flipped_bit_is_found",
            "train/recover::a_damaged_one_is_named_and_set_aside",
        ),
    ),
    Case(
        "a file of a checkpoint is cut off or gone",
        "likewise",
        ("train/checkpoint::each_file_that_is_shorter_missing_or_strange_is_found",),
    ),
    Case(
        "no checkpoint is good",
        "it stops with 6, and never begins from nothing",
        (
            "train/resume::no_good_checkpoint_stops_the_run",
            "train/recover::none_is_good",
        ),
    ),
    Case(
        "the disk is full at a save",
        "said at once, tried again; three in a row stop the run",
        (
            "train/checkpoint::a_full_disk_is_told_at_once_and_tried_again",
            "train/resume::damage_and_a_full_disk_lose_some_steps",
        ),
    ),
    Case(
        "the folder cannot be written to",
        "refused before anything is compiled",
        ("train/workdir::unwritable_folder", "train/workdir::too_little_room"),
        left="a folder that vanishes later is seen at the next save, as a full disk is",
    ),
    Case(
        "a save slower than the interval",
        "the next is left out, counted and said",
        ("train/checkpoint::a_save_that_comes_too_early_is_left_out",),
    ),
    Case(
        "restored on other devices, at another stage",
        "bit-equal",
        (
            "train/restore::any_number_of_devices_and_any_stage",
            "train/restore::a_run_goes_on_on_other_devices",
        ),
    ),
    Case(
        "restored into a changed model",
        "lists what is missing, extra or of another shape; exit code 2",
        (
            "train/recover::another_model_is_told_by_its_arrays",
            "train/begin::a_changed_model_begins_with_what_fits",
        ),
    ),
    Case(
        "restored under a changed config",
        "the difference is shown; some keys go on, others need --allow_changes",
        (
            "train/workdir::keys_that_change_nothing_that_is_learned_go_on",
            "train/workdir::others_need_a_word_and_the_old_ones_are_kept",
        ),
    ),
    Case(
        "other numbers of workers or hosts",
        "the same batches",
        (
            "data/batches::workers_change_nothing",
            "train/watch::one_goes_on",
            "train/watch::two_go_on",
        ),
    ),
    Case(
        "other data",
        "refused, with both fingerprints",
        ("train/workdir::other_data_are_refused",),
    ),
    Case(
        "files that are no image, or a strange one",
        "raised with the record's key, or skipped and counted",
        (
            "data/decode::a_truncated_file_is_refused",
            "data/decode::cmyk",
            "data/decode::one_pixel",
            "data/batches::skip_takes_the_next_record_and_counts",
        ),
    ),
    Case(
        "a label out of range, a mask of nothing",
        "raised with the record's key; a loss of 0",
        (
            "data/batches::targets_are_checked",
            "data/batches::a_mask_of_nothing_is_fine",
            "train/accumulate::nothing_that_counts_gives_nought",
        ),
    ),
    Case(
        "a process that reads is killed",
        "an error that names it",
        ("data/broken::a_worker_that_is_killed_ends_the_batches",),
    ),
    Case(
        "fewer examples than a batch, a rest in the test",
        "refused; every example counts once",
        (
            "data/data::batch_larger_than_the_set_is_refused",
            "train/evaluate::every_example_counts_once",
        ),
    ),
    Case(
        "NaN in the loss",
        "nothing changes; counted, with the records; too many in a row stop the run",
        (
            "faults/numbers::a_bad_step_changes_nothing",
            "faults/numbers::it_is_told_of",
            "faults/numbers::too_many_stop_the_run",
            "faults/numbers::a_batch_is_tried_on_the_state_that_its_step_saw",
        ),
    ),
    Case(
        "NaN in gradients only, infinity in a statistic",
        "likewise",
        ("faults/numbers::a_bad_step_changes_nothing",),
    ),
    Case(
        "a spike of the loss",
        "left out, if asked for",
        ("faults/numbers::a_spike_changes_nothing", "faults/numbers::spike"),
    ),
    Case(
        "float16 overflows",
        "there is no float16: bfloat16 has float32's range, and the loss is float32",
        ("train/step::bfloat16_computes_while_parameters_stay_float32",),
    ),
    Case(
        "out of memory",
        "what to change; exit code 5, or 2 from --compile_only",
        (
            "train/plan::running_out_of_memory_is_explained",
            "faults/surroundings::a_run_that_runs_out_of_memory_says_what_to_change",
        ),
    ),
    Case(
        "one process of several fails or hangs",
        "the others end with 3 and name it; one that hangs shows its stacks",
        (
            "train/watch::one_fails",
            "train/watch::the_rest_name_it_and_stop",
            "faults/surroundings::a_hanging_run_says_where",
            "train/watch::one_that_is_alive_and_stuck_ends_all",
        ),
    ),
    Case(
        "processes that wait for one that is gone",
        "it is named",
        ("train/watch::the_rest_name_it_and_stop",),
    ),
    Case(
        "two runs in one folder",
        "the second is refused; a dead one holds no lock",
        ("faults/surroundings::one_run_a_folder",),
    ),
    Case(
        "the clock jumps",
        "nothing: checkpoints go by steps, times by the monotonic clock",
        ("train/clock::a_wall_clock_that_jumps_changes_nothing",),
        left="that of the whole machine; elsewhere the wall clock is only written down",
    ),
    Case(
        "a test comes to no end",
        "the state was saved before it, and it is done again",
        (
            "faults/signals::killed_during_evaluation",
            "faults/signals::during_evaluation",
        ),
    ),
    Case(
        "a logger is lost",
        "one warning; metrics.jsonl has everything",
        (
            "train/trackers::failing_tracker_is_left_with_one_warning",
            "train/trackers::tracker_that_hangs_is_not_waited_for",
            "train/metrics::going_on_drops_later_and_torn_lines",
        ),
    ),
    Case(
        "a typing error in a key",
        "the nearest key, exit code 2, before any device is asked for",
        ("launch::mistake_is_named",),
    ),
    Case(
        "a batch or an image that does not split",
        "the numbers that do",
        (
            "sharding/zero::mesh_that_does_not_fit",
            "sharding/spatial::images_that_devices_cannot_share",
            "train/build::what_does_not_split_is_named",
            "train/watch::they_cannot_share_an_example",
        ),
    ),
    Case(
        "memory of a ZeRO stage",
        "is the formula's; too little coverage is an error",
        (
            "sharding/zero_memory::memory_is_the_formula_s",
            "train/plan::the_compiled_step_holds_what_the_formula_says",
            "sharding/zero::what_is_left_whole_is_an_error_and_says_why",
            "train/build::what_does_not_split_is_named",
        ),
    ),
    Case(
        "a batch in parts",
        "has the gradient of the whole, but for batch norm",
        ("train/step::parts_of_a_batch_have_its_gradient_but_for_batch_norm",),
    ),
    Case(
        "batch statistics over devices; examples that only fill a batch",
        "those of one device; they do not count",
        (
            "train/step::eight_devices_equal_one_with_batch_statistics",
            "train/evaluate::every_example_counts_once",
        ),
    ),
    Case(
        "padding of images that devices share",
        "equal to one device's, at odd sizes, strides and dilations",
        (
            "sharding/spatial::odd_sizes_and_dilations",
            "sharding/spatial::every_mode_stride_dilation_and_size",
        ),
    ),
    Case(
        "a step that compiles again",
        "one program for all steps",
        ("train/step::step_is_pure_and_compiles_once",),
    ),
    Case(
        "memory that grows, hidden copies to the host",
        "flat over thousands of steps; under jax's transfer guard none is refused",
        ("train/loop::no_hidden_copies",),
        left="memory: `make soak` shows it, in minutes: [figures](#a-soak). To jax, a "
        "CPU's memory is the host's: copies from there are seen on other devices only",
    ),
)
