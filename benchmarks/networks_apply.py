"""Probabilities of hits by deepCR and Cosmic-CoNN, for `benchmarks.networks`.

Runs on an interpreter with `deepcr==0.3.1`, `cosmic-conn==0.6.1`, `torch` and `matplotlib` and
without awe: `python networks_apply.py IMAGE.npy OUT.npz`. The image [electron] is flat fielded and
has its sky. deepCR has its DECam weights, Cosmic-CoNN those for ground imaging; one thread each.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np


def networks() -> dict[str, Callable[[Any], Any]]:
    """Return the networks by name, each a function of an image that returns probabilities."""
    # only this program's own interpreter has them
    import torch
    from cosmic_conn import init_model
    from deepCR import deepCR

    torch.set_num_threads(1)
    first = deepCR(mask="decam", device="CPU")
    second = init_model("ground_imaging")
    return {
        "deepCR": lambda image: first.clean(image, binary=False, inpaint=False, patch=512),
        "Cosmic-CoNN": lambda image: second.detect_cr(image, ret_numpy=True),
    }


def main() -> None:
    """Write probability and CPU time [s] of each network."""
    image = np.load(sys.argv[1])
    results: dict[str, Any] = {}
    for name, network in networks().items():
        network(image[:128, :128].copy())
        start = time.process_time()
        results[name] = np.asarray(network(image.copy()), np.float32).reshape(image.shape)
        results[f"{name} CPU"] = time.process_time() - start
    np.savez(sys.argv[2], **results)


if __name__ == "__main__":
    main()
