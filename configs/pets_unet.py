"""U-Net on the Oxford-IIIT pets: pet, background and outline; a set without a login.

Command: python launch.py --config configs/pets_unet.py
         --config.dataset="oxford_iiit_pet(data_dir='/data')"
Device:  one accelerator; minutes by its FLOPs (1.6e16), so reading sets the pace
Expect:  not known: not yet run here, and no published figure has this recipe
"""

import ml_collections

from jaxpad.launch import default_config


def get_config() -> ml_collections.ConfigDict:
    config = default_config()
    config.dataset = "oxford_iiit_pet"
    config.train_crop = "random_scale_crop(size=256, scale=(0.5, 1.5))"
    config.test_crop = "resize_crop(size=256, resize=256)"
    config.augment = ("flip", "photometric")
    config.normalize = "imagenet"
    config.batch_size = 32
    config.workers = 4
    config.model = "unet(width=32, norm=True)"
    config.padding = "partial"
    config.epochs = 60
    config.optimizer = ("clip_by_global_norm(max_norm=1.0)", "adamw(weight_decay=1e-4)")
    config.learning_rate = 1e-3
    config.warmup_epochs = 2.0
    config.label_smoothing = 0.0
    config.eval_epochs = 5
    config.checkpoint_steps = 1000
    return config
