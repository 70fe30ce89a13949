"""The device of training: CPU or GPU, precision, memory layout, compiled or not.

Only this file depends on whether training runs on a CPU or a GPU.
"""

import os
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from restora.core.errors import BadDevice
from restora.nets.blocks import in_layout

NAMES = "auto, cpu, cuda or cuda:N"


@dataclass(frozen=True)
class Device:
    """A device with its best settings."""

    where: torch.device
    precision: torch.dtype  # of autocast: bfloat16, or float32 for no autocast
    layout: torch.memory_format
    compiled: bool = False

    @property
    def is_cuda(self) -> bool:
        """Whether it is an NVIDIA GPU."""
        return self.where.type == "cuda"

    @property
    def backend(self) -> str:
        """The backend for communication between processes."""
        return "nccl" if self.is_cuda else "gloo"

    @property
    def about(self) -> str:
        """Its name, for cards; for a CPU the number of threads."""
        if self.is_cuda:
            return torch.cuda.get_device_name(self.where)
        return f"{torch.get_num_threads()} threads"

    def place(self, net: nn.Module) -> nn.Module:
        """The net, moved to this device and its layout in place."""
        return in_layout(net.to(self.where), self.layout)

    def compile(self, nets: Iterable[nn.Module]) -> None:
        """Compile nets in place, if requested."""
        if self.compiled:
            for net in nets:
                net.compile()

    def pinned(self, batch: Mapping[str, np.ndarray]) -> dict[str, Tensor]:
        """Arrays as tensors; for a GPU in pinned memory, from which copies are asynchronous."""
        tensors = {name: torch.from_numpy(array) for name, array in batch.items()}
        if not self.is_cuda:
            return tensors
        return {name: tensor.contiguous().pin_memory() for name, tensor in tensors.items()}

    def copied(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Tensors on this device in its layout; from pinned memory without waiting.

        Call it in the training thread: arithmetic in another thread would keep threads of its own on the cores.
        """
        return {name: self._laid_out(tensor.to(self.where, non_blocking=True)) for name, tensor in batch.items()}

    def batch(self, arrays: Mapping[str, np.ndarray]) -> dict[str, Tensor]:
        """Arrays as tensors on this device."""
        return self.copied(self.pinned(arrays))

    def autocast(self) -> AbstractContextManager[object]:
        """The context for computing losses."""
        return torch.autocast(self.where.type, torch.bfloat16, enabled=self.precision is torch.bfloat16)

    def wait(self) -> None:
        """Wait until the device has finished everything."""
        if self.is_cuda:
            torch.cuda.synchronize(self.where)

    def _laid_out(self, tensor: Tensor) -> Tensor:
        return tensor.contiguous(memory_format=self.layout) if tensor.ndim == 4 else tensor.contiguous()


def device_named(name: str = "auto", *, compiled: bool = False) -> Device:
    """The device of a name: auto, cpu, cuda, or cuda:N; auto is the GPU if there is one.

    Under torchrun "cuda" is the GPU of the local rank. Raises BadDevice if the device does not exist.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cpu":
        return Device(torch.device("cpu"), native_precision(), _layout(), compiled)
    kind, _, number = name.partition(":")
    if kind != "cuda" or (number and not number.isdecimal()):
        raise BadDevice(f"the device must be {NAMES}, not {name!r}")
    found = torch.cuda.device_count() if torch.cuda.is_available() else 0
    index = int(number) if number else int(os.environ.get("LOCAL_RANK", "0"))
    if index >= found:
        has = f"it has {found} ({', '.join(f'cuda:{i}' for i in range(found))})" if found else "PyTorch finds none"
        raise BadDevice(f"device {name} needs an NVIDIA GPU, and {has}; train with --device cpu")
    torch.backends.cudnn.benchmark = True  # patches have one size, so searching the fastest algorithm pays off
    torch.cuda.set_device(index)
    # bf16 is native from compute capability 8.0; older GPUs compute in float32.
    native = torch.cuda.get_device_capability(index) >= (8, 0)
    where = torch.device("cuda", index)
    return Device(where, torch.bfloat16 if native else torch.float32, torch.channels_last, compiled)


def native_precision() -> torch.dtype:
    """bfloat16 if the CPU computes in it; otherwise float32, because emulated bfloat16 is several times slower."""
    native = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return torch.bfloat16 if native else torch.float32


def _layout() -> torch.memory_format:
    """Channels last if the CPU has AVX-512, whose convolutions prefer it; on other CPUs it makes the gradients of
    convolutions up to twice as slow."""
    wide = torch.backends.cpu.get_cpu_capability() == "AVX512"
    return torch.channels_last if wide else torch.contiguous_format
