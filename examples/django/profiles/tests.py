import pytest
from django.contrib.auth import get_user_model
from django.urls import reverse

from profiles.models import Profile

pytestmark = pytest.mark.django_db


@pytest.fixture
def profile():
    user = get_user_model().objects.create_user("ada", first_name="Ada", last_name="Lovelace")
    return Profile.objects.create(user=user, favorite_city="London")


def test_index_without_profiles(client):
    assert b"No profiles are available." in client.get(reverse("profiles:index")).content


def test_index(client, profile):
    content = client.get(reverse("profiles:index")).content.decode()
    assert str(profile) in content
    assert reverse("profiles:profile", args=["ada"]) in content


def test_profile(client, profile):
    content = client.get(reverse("profiles:profile", args=["ada"])).content.decode()
    assert "Ada Lovelace" in content
    assert "Favorite city: London" in content


def test_profile_that_does_not_exist(client):
    assert client.get(reverse("profiles:profile", args=["nobody"])).status_code == 404
