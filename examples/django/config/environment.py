"""Settings come from environment variables. One that is needed and missing ends the process at its start."""

import os

from django.core.exceptions import ImproperlyConfigured


def required(name):
    value = os.environ.get(name, "")
    if value == "":
        raise ImproperlyConfigured(f"The environment variable {name} is missing or empty.")
    return value


def flag(name):
    """Only "True" is true, so that a typing error never turns DEBUG on."""
    return os.environ.get(name, "") == "True"


def words(text):
    """The parts of a comma-separated list."""
    return [word.strip() for word in text.split(",") if word.strip()]
