"""The daemon is killed at random moments while clients use it."""

import pathlib
import sys

import pytest

from support import DAEMON, HEAVY, SLOW

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "torture"))

import torture  # noqa: E402  pylint: disable=wrong-import-position


@pytest.mark.skipif(not DAEMON, reason="needs BACKPROPD, the daemon's path")
def test_nothing_is_lost_whenever_it_is_killed(tmp_path):
    kills = 150 if HEAVY else 10 if SLOW == 1 else 4
    print(torture.run(tmp_path, kills, seed=1))
