"""The settings with what they need, so that `pytest` runs without preparation."""

import os

os.environ.setdefault("SECRET_KEY", "only for the tests")
os.environ.setdefault("ALLOWED_HOSTS", "testserver")
os.environ.setdefault("DATABASE_PATH", ":memory:")

from config.settings import *  # noqa: E402, F401, F403
