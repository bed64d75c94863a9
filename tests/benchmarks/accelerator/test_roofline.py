# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Bytes, operations and times of programs whose sums are known."""

import pytest

from benchmarks.accelerator import peaks
from benchmarks.accelerator import roofline

# A convolution 3x3 of 4 x 8 x 8 x 16 to 32 channels: 2 * 4*8*8*32 * 9*16.
FLOPS = 2 * 4 * 8 * 8 * 32 * 9 * 16
X, Y, W = 'f32[4,8,8,16]', 'f32[4,8,8,32]', 'f32[32,3,3,16]'
LABELS = 'dim_labels=b01f_o01i->b01f'
BYTES = 4 * (4 * 8 * 8 * 16 + 4 * 8 * 8 * 32 + 9 * 16 * 32)


def _program(*lines):
  body = '\n'.join(f'  {line}' for line in lines)
  return f'HloModule step\n\nENTRY %main (x: f32[1]) -> f32[1] {{\n{body}\n}}\n'


def _only(hlo, peak=None, precision='float32'):
  (found,) = roofline.operations(hlo, peak=peak, precision=precision)
  return found


@pytest.mark.parametrize(
  ('result', 'first', 'second', 'target'),
  [
    (Y, X, W, 'Forward'),
    (X, Y, W, 'BackwardInput'),
    (W, X, Y, 'BackwardFilter'),
  ],
)
def test_cudnn_needs_the_same_operations_forward_and_backward(
  result, first, second, target
):
  hlo = _program(
    f'%a = {first} parameter(0)',
    f'%b = {second} parameter(1)',
    # With a workspace, which is not moved.
    f'%c = ({result}, u8[99]{{0}}) custom-call(%a, %b), window={{size=3x3}}, '
    f'{LABELS}, custom_call_target="__cudnn$conv{target}"',
  )
  found = _only(hlo)
  assert found.gflop == FLOPS / 1e9
  assert found.gigabytes == BYTES / 1e9
  assert found.floor_ms is None


def test_a_fusion_counts_the_convolution_inside_and_no_inserted_zeros():
  # The gradient of the input of a convolution with stride 2.
  inside = (
    f'\n%fused (p: {Y}) -> f32[4,16,16,16] {{\n'
    f'  %p = {Y} parameter(0)\n  %q = {W} parameter(1)\n'
    '  ROOT %r = f32[4,16,16,16] convolution(%p, %q), window={size=3x3 '
    'pad=1_2x1_2 lhs_dilate=2x2}, dim_labels=b01f_i01o->b01f\n}\n'
  )
  hlo = _program(
    f'%a = {Y} parameter(0)',
    f'%b = {W} parameter(1)',
    '%c = f32[4,16,16,16] fusion(%a, %b), kind=kOutput, calls=%fused',
  )
  found = _only(hlo.replace('\n\nENTRY', inside + '\nENTRY'))
  # That of its forward pass: one output for each fourth input.
  assert found.gflop == FLOPS / 1e9


@pytest.mark.parametrize(
  'product',
  [
    'dot(%a, %b), lhs_contracting_dims={1}, rhs_contracting_dims={0}',
    'custom-call(%a, %b), custom_call_target="__cublas$gemm", backend_config='
    '{"dot_dimension_numbers":{"lhs_contracting_dimensions":["1"]}}',
  ],
)
def test_a_product_and_the_longer_of_both_times(product):
  hlo = _program(
    '%a = bf16[8,100] parameter(0)',
    '%b = bf16[100,6] parameter(1)',
    f'%c = bf16[8,6] {product}',
  )
  flops, num_bytes = 2 * 8 * 6 * 100, 2 * (800 + 600 + 48)
  slow = peaks.Peak(1e-3, 1e-6, None, None, '')  # 1 MB/s, 1 MFLOP/s
  found = _only(hlo, slow, 'bfloat16')
  assert found.gflop == flops / 1e9
  assert found.floor_ms == pytest.approx(1000 * flops / 1e6)
  fast = slow._replace(bfloat16=1e6)
  found = _only(hlo, fast, 'bfloat16')
  assert found.floor_ms == pytest.approx(1000 * num_bytes / 1e6)
  # No speed is published for this precision, and products need one.
  assert _only(hlo, slow, 'tf32').floor_ms is None


@pytest.mark.parametrize(
  ('device', 'bandwidth'),
  [
    ('NVIDIA H100 80GB HBM3', 3350),
    ('NVIDIA A100-SXM4-40GB', 1555),
    ('Tesla V100-SXM2-16GB', 900),
    ('NVIDIA L4', 300),
    ('NVIDIA L40S', 864),
    ('Tesla T4', 320),
    ('TPU v5 lite', 819),
    ('NVIDIA A10G', None),
    ('NVIDIA GeForce RTX 3090 Ti', None),
    ('cpu', None),
  ],
)
def test_only_the_card_itself_has_its_peak(device, bandwidth):
  peak = peaks.find(device)
  assert (peak and peak.bandwidth) == bandwidth
