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
    config.augment = "shift(pixels=1)"  # a name in jaxpad.data.AUGMENTS
    config.batch_size = 64  # examples a step, over all devices

    # What learns
    config.model = "resnet20"  # a name in jaxpad.models.MODELS
    config.padding = "partial"  # a name in jaxpad.PADDINGS
    config.dtype = "float32"  # of the computation, or "bfloat16"; parameters: float32

    # How it learns
    config.epochs = 30  # passes over the training examples
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

    # What is kept
    config.eval_epochs = 1  # epochs between evaluations
    config.checkpoint_steps = 100  # steps between checkpoints
    config.checkpoints_kept = 2  # newest ones
    config.lock()  # a key with a typing error is an error, not a new key
    return config
