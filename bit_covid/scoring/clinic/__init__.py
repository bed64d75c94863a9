# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The result of a scan as files that a clinic's own tools open.

The NIfTI map holds nothing of the patient; the DICOM objects and the key do.
"""
