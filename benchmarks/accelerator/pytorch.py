# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""BiT in PyTorch: timm's, or that of transformers where timm is missing."""

from collections.abc import Callable, Iterator, Sequence
import contextlib
import importlib.util
import os
import time
from typing import Any

import numpy as np
import torch

from benchmarks.accelerator import jobs

_DEVICE = 'cuda' if torch.cuda.is_available() else 'cpu'
_IMAGES = 1024


def run(
  *,
  task: str,
  model: str,
  side: int,
  precision: str,
  batch: int,
  settings: Sequence[str],
  compiles: bool,
) -> jobs.Program:
  """Returns a program that does the same work as that of `here`.

  The arguments are those of `rows.Row`; the settings follow 'compiled' or
  'eager'. `compiles` is whether the network is compiled.
  """
  exact = precision != 'tf32'
  torch.backends.cudnn.benchmark = True
  torch.backends.cudnn.allow_tf32 = not exact
  torch.set_float32_matmul_precision('highest' if exact else 'high')
  channels_last = 'channels_last' in settings
  layout = torch.channels_last if channels_last else torch.contiguous_format
  network = create(model).to(_DEVICE, memory_format=layout)
  network.train(task != 'forward')
  compiled = torch.compile(network) if compiles else network
  narrow = torch.float16 if 'fp16' in settings else torch.bfloat16
  cast = contextlib.nullcontext()
  if precision == 'bfloat16':
    cast = torch.autocast(_DEVICE, dtype=narrow)

  def logits(images: torch.Tensor) -> torch.Tensor:
    # The images come as bytes and are scaled on the card, as here.
    pixels = images.float() / 127.5 - 1
    pixels = pixels.expand(-1, 3, -1, -1).contiguous(memory_format=layout)
    with cast:
      return compiled(pixels).float()

  if task == 'forward':
    step = torch.inference_mode()(lambda images, labels: logits(images))
  else:
    step = _train_step(network, logits, scale='fp16' in settings)
  return _program(step, task, batch, side)


def create(model: str) -> torch.nn.Module:
  """Returns the network, which maps `[N, 3, H, W]` to `[N, 3]` logits."""
  # timm cannot be imported without torchvision, which not each build of
  # PyTorch has.
  if all(map(importlib.util.find_spec, ('timm', 'torchvision'))):
    import timm

    name = f'resnetv2_{model.removeprefix("R")}_bit'
    if timm.is_model(name):
      return timm.create_model(name, num_classes=3)
  from benchmarks import peer

  network = peer.create(model)
  network.register_forward_hook(lambda module, given, result: result.logits)
  return network


def _train_step(
  network: torch.nn.Module, logits: Callable, *, scale: bool
) -> Callable[[torch.Tensor, torch.Tensor], None]:
  """Returns a step of SGD with momentum and mixup."""
  optimizer = torch.optim.SGD(
    network.parameters(), lr=0.003, momentum=0.9, fused=_DEVICE == 'cuda'
  )
  # float16 loses small gradients unless the loss is scaled.
  scaler = torch.amp.GradScaler(_DEVICE, enabled=scale)
  generator = np.random.default_rng(0)

  def step(images: torch.Tensor, labels: torch.Tensor) -> None:
    weight = float(generator.beta(0.1, 0.1))
    one_hot = torch.nn.functional.one_hot(labels, 3).float()
    images, targets = (
      weight * x + (1 - weight) * x.flip(0) for x in (images.float(), one_hot)
    )
    optimizer.zero_grad(set_to_none=True)
    loss = torch.nn.functional.cross_entropy(logits(images), targets)
    scaler.scale(loss).backward()
    scaler.step(optimizer)
    scaler.update()

  return step


def _program(step: Callable, task: str, batch: int, side: int) -> jobs.Program:
  if task == 'end to end':
    batches = _loaded(batch, side)
  else:
    generator = np.random.default_rng(0)
    shape = (batch, 1, side, side)
    images = torch.from_numpy(generator.integers(0, 256, shape, np.uint8))
    labels = torch.arange(batch) % 3
    batches = _endless(images.to(_DEVICE), labels.to(_DEVICE))

  def make_steps(steps: int) -> None:
    for _ in range(steps):
      step(*next(batches))
    if _DEVICE == 'cuda':
      torch.cuda.synchronize()

  start = time.perf_counter()
  make_steps(1)
  return jobs.Program(make_steps, _peak_bytes, time.perf_counter() - start)


def _peak_bytes() -> int | None:
  return torch.cuda.max_memory_allocated() if _DEVICE == 'cuda' else None


def _endless(*values: Any) -> Iterator[tuple[Any, ...]]:
  while True:
    yield values


def _loaded(batch: int, side: int) -> Iterator[tuple[torch.Tensor, ...]]:
  """Yields endless batches of a DataLoader, from prepared images of noise."""
  stored = side * 16 // 15
  generator = np.random.default_rng(0)
  noise = generator.integers(0, 256, (_IMAGES, 1, stored, stored), np.uint8)

  class Slices(torch.utils.data.Dataset):
    def __len__(self) -> int:
      # Its workers end after each pass, which would count in a short one.
      return 10**6

    def __getitem__(self, i: int) -> tuple[torch.Tensor, int]:
      top, left = torch.randint(stored - side + 1, (2,)).tolist()
      image = noise[i % _IMAGES, :, top : top + side, left : left + side]
      if torch.rand(()) < 0.5:
        image = image[..., ::-1]
      return torch.from_numpy(image.copy()), i % 3

  loader = torch.utils.data.DataLoader(
    Slices(),
    batch,
    num_workers=len(os.sched_getaffinity(0)),
    pin_memory=_DEVICE == 'cuda',
  )
  for images, labels in loader:
    yield (
      images.to(_DEVICE, non_blocking=True),
      labels.to(_DEVICE, non_blocking=True),
    )
