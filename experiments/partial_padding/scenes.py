"""Handwritten digits on photographs, pixel by pixel, by crops that cut them.

Command: python launch.py --config experiments/partial_padding/scenes.py
Device:  two CPU cores; a minute
Expect:  about 50% mIoU, where one answer for all reaches 8%
"""

import ml_collections

from jaxpad.launch import default_config


def get_config() -> ml_collections.ConfigDict:
    config = default_config()
    config.dataset = "digit_scenes"
    config.train_crop = "random_scale_crop(size=48, scale=(1.0, 1.0))"
    config.test_crop = "resize_crop(size=48, resize=64)"
    config.augment = ("none",)
    config.model = "unet(width=8, depth=3)"
    config.padding = "zero"
    config.batch_size = 8
    config.epochs = 8
    config.warmup_epochs = 1.0
    config.optimizer = ("clip_by_global_norm(max_norm=1.0)", "adamw(weight_decay=0.01)")
    config.learning_rate = 3e-3
    config.label_smoothing = 0.0
    config.eval_batch_size = 50
    config.checkpoint_steps = 1000
    config.trackers = ()
    return config
