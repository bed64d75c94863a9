# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Long trials of what docs/reliability.md promises.

    python -m tests.trials
    python -m tests.trials crash --amount=20 --seed=1

Each module of this package is a trial, with a function

    def run(*, amount: int = ..., seed: int, scratch: pathlib.Path)

that returns `frame.Row`s. Its default amount is that of a whole run. It writes
into `scratch` alone, which is new and empty. What trials share is in `frame`.
"""
