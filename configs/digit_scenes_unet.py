"""U-Net that finds handwritten digits on photographs, pixel by pixel.

Command: python launch.py --config configs/digit_scenes_unet.py
Device:  two CPU cores; under five minutes
"""

import ml_collections

from jaxpad.launch import default_config


def get_config() -> ml_collections.ConfigDict:
    config = default_config()
    config.dataset = "digit_scenes"
    config.augment = ("photometric",)
    config.batch_size = 16
    config.model = "unet(width=12, depth=3, norm=True)"
    config.padding = "partial"
    config.epochs = 12
    config.optimizer = ("clip_by_global_norm(max_norm=1.0)", "adamw(weight_decay=0.01)")
    config.learning_rate = 3e-3
    config.warmup_epochs = 1.0
    config.label_smoothing = 0.0
    config.eval_epochs = 2
    return config
