"""ResNet-20 with partial-convolution padding on handwritten digits.

Command: python launch.py
Device:  two CPU cores; about one minute
Expect:  98% test accuracy or better (mean of three seeds), under any padding but
         "valid", for which 8x8 pixels are too few
"""

import ml_collections


def get_config() -> ml_collections.ConfigDict:
    config = ml_collections.ConfigDict()
    config.seed = 0  # of parameters, the order of examples and augmentation

    # What is learned from
    config.dataset = "digits"  # a name in jaxpad.data.DATASETS
    config.train_crop = "whole"  # a name in jaxpad.data.CROPS, on the host
    config.test_crop = "whole"  # likewise
    config.augment = ("shift(pixels=1)",)  # names in jaxpad.data.AUGMENTS, in order
    config.normalize = "none"  # a name in jaxpad.train.NORMALIZATIONS, after these
    config.batch_size = 64  # examples a step, over all devices; texts: rescaled
    config.workers = 0  # processes that read and decode; 0 for a thread
    config.on_error = "raise"  # or "skip" records that cannot be read, and count them

    # How texts share rows; of images, batching is "" and the others mean nothing
    config.batching = ""  # a name in jaxpad.data.BATCHINGS
    config.capacity = 512  # cells of a row at most; longer texts are split
    config.rescale = "rows"  # a name in jaxpad.batching.RESCALES: what a step keeps
    config.objective = "masked(rate=0.15)"  # a name in jaxpad.train.OBJECTIVES
    config.loss = "token"  # a mean over tokens, or "sequence" over means of texts

    # What learns
    config.model = "resnet20"  # a name in jaxpad.models.MODELS
    config.padding = "partial"  # a name in jaxpad.PADDINGS
    config.dtype = "float32"  # of the computation, or "bfloat16"; parameters: float32
    config.weights = ""  # a .safetensors or .npz file to begin with; "" is none
    config.new_head = False  # whether the last layer is not the file's but new

    # How it learns
    config.epochs = 30  # passes over the training examples
    config.steps = 0  # of the run, if not 0; then epochs count for nothing
    config.optimizer = (  # chain of names in optax, applied first to last
        "clip_by_global_norm(max_norm=1.0)",
        "add_decayed_weights(weight_decay=5e-4)",  # kernels only
        "sgd(momentum=0.9, nesterov=True)",
    )
    config.schedule = "cosine"  # a name in jaxpad.train.SCHEDULES
    config.learning_rate = 0.1  # at the end of the warm-up
    config.warmup_epochs = 2.0  # linear from zero
    config.label_smoothing = 0.1  # part of the target spread over all classes
    config.regularizer = ""  # "lorth(weight=0.1)", or rules by path; "" is none
    config.parts = 1  # of a batch, one after another, if it is too large at once
    config.max_skips = 10  # steps in a row left out as not finite; one more ends it
    config.skip_spikes = 0.0  # deviations above the usual loss also left out; 0 is off
    config.average = 0.0  # decay a step of a moving average that is tested; 0 is none

    # How it is tested
    config.eval_epochs = 1  # epochs between evaluations
    config.eval_batch_size = 0  # examples at once; 0 is batch_size
    config.eval_multiple = 1  # whole images are extended to one of these: fewer sizes
    config.predict = "whole"  # or "sliding(window=(769, 769), stride=513)"
    config.borders = False  # whether a finished run is also looked at near borders
    config.cross_paddings = ()  # names in jaxpad.PADDINGS that it is tested under, too

    # Where it lies
    # Rows and columns of images are shared over "spatial" and "columns"; -1: the rest.
    config.mesh = {"data": -1, "spatial": 1, "columns": 1, "model": 1}  # devices
    config.zero = 0  # 1 splits the optimizer's state, 2 gradients, 3 parameters
    config.zero_coverage = 0.9  # of an even part, by what a device holds of the state
    config.offload = False  # optimizer's state in the host's memory between steps
    config.sharding = "whole"  # or "transformer", or rules by path: the "model" axis

    # What is kept
    config.checkpoint_steps = 100  # steps between checkpoints; each test has one, too
    config.checkpoints_kept = 2  # newest ones
    config.trackers = ("tensorboard",)  # names in jaxpad.train.TRACKERS; () is none
    config.lock()  # a key with a typing error is an error, not a new key
    return config
