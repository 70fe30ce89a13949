"""Batches made ahead: in order, the same with any number of workers, and failures that are told."""

import os
import signal
import tempfile
from multiprocessing import active_children
from pathlib import Path

import numpy as np
import pytest

from restora.core.allocator import SHARED_MEMORY
from restora.learn.device import device_named
from restora.learn.pairs import Pairs
from restora.learn.supply import Supply, Workers
from tests.learn.batches import Failing, Growing
from tests.learn.test_loop import RECIPE, photos

CPU = device_named("cpu")


@pytest.mark.parametrize("workers", [1, 2])
def test_workers_make_the_same_batches_in_the_same_order(workers):
    pairs = Pairs(photos(), RECIPE)
    with Supply(pairs, 4, CPU, workers=workers, rank=1, processes=2) as supply:
        for step in range(4, 14):
            batch = supply.next()
            for name, expected in pairs.batch(step, 1, 2).items():
                assert np.array_equal(batch[name].numpy(), expected), (step, name)


def test_arrays_of_any_kind_and_name_are_handed_on():
    with Supply(Growing(photos(), RECIPE), 0, CPU, workers=1) as supply:
        for step in range(6):
            batch = supply.next()
            assert batch["count"].item() == step and (batch["y"] == step).all()


@pytest.mark.parametrize("workers", [0, 1])
def test_what_fails_where_batches_are_made_is_told(workers):
    with (
        pytest.raises((RuntimeError, ValueError), match="no such picture"),
        Supply(Failing(photos(), RECIPE), 0, CPU, workers=workers) as supply,
    ):
        for _ in range(5):
            supply.next()


def test_a_worker_that_ended_before_its_slot_was_given_back_is_heard():
    source = Workers(Failing(photos(), RECIPE), 0, 2, 0, 1)
    source.processes[0].join(60)  # it made step 1 and failed in step 3
    with pytest.raises(RuntimeError, match="no such picture"):
        for _ in range(5):
            source.next(CPU)
    source.stop()
    source.close()


def test_a_worker_that_is_killed_is_told_and_nothing_is_left_behind():
    before = set(SHARED_MEMORY.glob("restora-*")) | set(Path(tempfile.gettempdir()).glob("restora-*"))
    supply = Supply(Pairs(photos(), RECIPE), 0, CPU, workers=2)
    with pytest.raises(RuntimeError, match="ended with status -9.* fewer --workers"), supply:
        os.kill(active_children()[0].pid, signal.SIGKILL)
        for _ in range(12):
            supply.next()
    after = set(SHARED_MEMORY.glob("restora-*")) | set(Path(tempfile.gettempdir()).glob("restora-*"))
    assert after <= before
