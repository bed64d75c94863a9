# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The bytes of a program written by hand, whose sum is known."""

from benchmarks import hlo_traffic

# A map of 16 x 64 bfloat16 fills tiles of 128 channels: 4096 bytes and not
# 2048. The loop runs three times.
PROGRAM = """HloModule step, is_scheduled=true

%body (state: (s32[], bf16[16,64])) -> (s32[], bf16[16,64]) {
  %state = (s32[]{:T(128)}, bf16[16,64]{1,0:T(8,128)(2,1)}) parameter(0)
  %x = bf16[16,64]{1,0:T(8,128)(2,1)} get-tuple-element(%state), index=1
  %y = bf16[16,64]{1,0:T(8,128)(2,1)} fusion(%x), kind=kLoop, calls=%f
  ROOT %next = (s32[]{:T(128)}, bf16[16,64]{1,0:T(8,128)(2,1)}) tuple(%i, %y)
}

%condition (state.1: (s32[], bf16[16,64])) -> pred[] {
  %limit = s32[]{:T(128)} constant(3)
  %state.1 = (s32[]{:T(128)}, bf16[16,64]{1,0:T(8,128)(2,1)}) parameter(0)
  %i.1 = s32[]{:T(128)} get-tuple-element(%state.1), index=0
  ROOT %lt = pred[]{:T(512)} compare(%i.1, %limit), direction=LT
}

ENTRY %main (a: bf16[16,64]) -> bf16[16,64] {
  %a = bf16[16,64]{1,0:T(8,128)(2,1)} parameter(0)
  %start = (bf16[16,64]{1,0:T(8,128)(2,1)}, bf16[16,64]{1,0:T(8,128)(2,1)S(1)}, u32[]{:S(2)}) copy-start(%a)
  %ahead = bf16[16,64]{1,0:T(8,128)(2,1)S(1)} copy-done(%start)
  %b = bf16[16,64]{1,0:T(8,128)(2,1)} fusion(%ahead), kind=kLoop, calls=%g
  %tuple = (s32[]{:T(128)}, bf16[16,64]{1,0:T(8,128)(2,1)}) tuple(%zero, %b)
  %while = (s32[]{:T(128)}, bf16[16,64]{1,0:T(8,128)(2,1)}) while(%tuple), condition=%condition, body=%body
  ROOT %c = bf16[16,64]{1,0:T(8,128)(2,1)} get-tuple-element(%while), index=1
}
"""  # noqa: E501
MAP = 4096


def test_a_map_fetched_ahead_is_read_in_vmem():
  # HBM: read to be fetched, then the fusion's result. VMEM: filled, read.
  traffic = hlo_traffic.count(PROGRAM, loops=False)
  assert traffic == (2 * MAP, 2 * MAP)


def test_a_loop_counts_as_often_as_it_runs():
  traffic = hlo_traffic.count(PROGRAM)
  assert traffic == (2 * MAP + 3 * 2 * MAP, 2 * MAP)


def test_a_loop_of_unknown_length_counts_once():
  program = PROGRAM.replace('direction=LT', 'direction=NE')
  assert hlo_traffic.count(program).hbm == 2 * MAP + 2 * MAP
