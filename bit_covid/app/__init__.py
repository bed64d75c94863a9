# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""A web page that scores an uploaded scan and shows its slices with maps.

One process scores one scan at a time with one network. Uploads are kept in
memory or in a private temporary folder, and deleted when the page is closed.
"""
