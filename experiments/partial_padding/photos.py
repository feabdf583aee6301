"""Which of ten photographs is a crop from? The setting of `settings.py` says by what.

Command: python launch.py --config experiments/partial_padding/photos.py
Device:  two CPU cores; a quarter of a minute
Expect:  about 85% test accuracy, where one answer for all reaches 10%
"""

import ml_collections

from jaxpad.launch import default_config


def get_config() -> ml_collections.ConfigDict:
    config = default_config()
    config.dataset = "photos10"
    config.train_crop = "random_scale_crop(size=33, scale=(1.0, 1.0))"
    config.test_crop = "resize_crop(size=33, resize=64)"
    config.augment = ("flip",)
    config.model = "resnet20(blocks=(1, 1, 1), width=8)"
    config.padding = "zero"
    config.batch_size = 64
    config.epochs = 10
    config.eval_batch_size = 200
    config.checkpoint_steps = 1000
    config.trackers = ()
    return config
