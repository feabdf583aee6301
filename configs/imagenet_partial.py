"""The recipe of "Partial Convolution based Padding" (Liu et al., 2018), ResNet-50.

Command: python launch.py --config configs/imagenet_partial.py
         --config.dataset="imagenet2012(data_dir='/data')"
         and the same with --config.padding=zero, five seeds each
Device:  8 or more accelerators; by others' published images per second 14 hours on one
         A100 with --config.dtype=bfloat16
Expect:  the best of all epochs, mean of five runs: 76.61% with partial padding, 76.13%
         with zeros, the paper's figures; not yet run here. The paper takes the best
         epoch of the test set; results.json has that beside the last.
"""

import ml_collections

from jaxpad.launch import default_config


def get_config() -> ml_collections.ConfigDict:
    config = default_config()
    config.dataset = "imagenet2012"
    config.train_crop = "random_resized_crop(size=224)"
    config.test_crop = "resize_crop(size=224, resize=256)"
    config.augment = ("flip",)
    config.normalize = "imagenet"
    config.batch_size = 192
    config.workers = 8
    config.on_error = "skip"
    config.model = "resnet50"
    config.padding = "partial"
    config.dtype = "float32"
    config.epochs = 100
    config.optimizer = (
        "add_decayed_weights(weight_decay=1e-4, mask=None)",  # PyTorch decays all
        "sgd(momentum=0.9)",
    )
    config.schedule = "step(at=(0.3, 0.6, 0.9))"
    config.learning_rate = 0.1
    config.warmup_epochs = 0.0
    config.label_smoothing = 0.0
    config.eval_epochs = 1
    config.checkpoint_steps = 6672
    return config
