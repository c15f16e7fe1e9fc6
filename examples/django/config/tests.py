import os
import subprocess
import sys

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.db.utils import OperationalError

from config.environment import flag, required, words

NEEDED = {"SECRET_KEY": "key", "ALLOWED_HOSTS": "example.com", "DATABASE_PATH": ":memory:"}


def start(**variables):
    """Loads the settings in a process of its own, as gunicorn does."""
    return subprocess.run(
        [sys.executable, "-c", "from config import settings; print(settings.DATABASES)"],
        env={"PATH": os.environ["PATH"], **variables},
        capture_output=True,
        text=True,
    )


def test_settings_start_with_what_they_need():
    assert start(**NEEDED).returncode == 0


@pytest.mark.parametrize("name", NEEDED)
def test_settings_end_the_process_without(name):
    process = start(**{key: value for key, value in NEEDED.items() if key != name})
    assert process.returncode == 1
    assert f"The environment variable {name} is missing or empty." in process.stderr


def test_settings_take_postgresql_by_its_address():
    process = start(**NEEDED, DATABASE_URL="postgres://app:word@db.internal:5433/lettings")
    for part in ("backends.postgresql", "'HOST': 'db.internal'", "'PORT': 5433", "'lettings'"):
        assert part in process.stdout


def test_an_empty_variable_is_missing(monkeypatch):
    monkeypatch.setenv("SECRET_KEY", "")
    with pytest.raises(ImproperlyConfigured):
        required("SECRET_KEY")


def test_only_true_is_true(monkeypatch):
    for value, expected in (("True", True), ("true", False), ("1", False), ("", False)):
        monkeypatch.setenv("DEBUG", value)
        assert flag("DEBUG") is expected


def test_a_list_is_separated_by_commas():
    assert words(" one.example, two.example ,") == ["one.example", "two.example"]


@pytest.mark.django_db
def test_healthz_answers_any_host(client):
    response = client.get("/healthz", HTTP_HOST="192.0.2.1:8000")
    assert response.status_code == 200
    assert response.json()["status"] == "ok"


def test_other_pages_answer_400_to_a_foreign_host(client):
    assert client.get("/", HTTP_HOST="192.0.2.1:8000").status_code == 400


def test_healthz_answers_503_without_a_database(client, monkeypatch):
    def refuse():
        raise OperationalError("connection refused")

    monkeypatch.setattr(connection, "cursor", refuse)
    response = client.get("/healthz")
    assert response.status_code == 503
    assert response.json()["status"] == "no database"


def test_home_page(client):
    response = client.get("/")
    assert response.status_code == 200
    assert b"Welcome to Holiday Homes" in response.content


def test_unknown_page(client):
    assert client.get("/nowhere/").status_code == 404


@pytest.mark.django_db
def test_models_have_their_migrations():
    from django.core.management import call_command

    call_command("makemigrations", "--check", "--dry-run")
