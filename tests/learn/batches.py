"""Batches for tests; worker processes import this file, and so it imports no torch."""

import numpy as np

from restora.learn.pairs import Pairs


class Failing(Pairs):
    def batch(self, step, rank=0, processes=1):
        if step == 3:
            raise ValueError("no such picture")
        return super().batch(step, rank, processes)


class Growing(Pairs):
    """Each batch is what the step says; more of it in each."""

    def batch(self, step, rank=0, processes=1):
        return {"y": np.full((2, 3), step, np.float32), "count": np.array([step], np.int64)}
