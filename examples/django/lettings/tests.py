import pytest
from django.urls import reverse

from lettings.models import Address, Letting

pytestmark = pytest.mark.django_db


@pytest.fixture
def letting():
    address = Address.objects.create(
        number=7217,
        street="Bedford Street",
        city="Brunswick",
        state="GA",
        zip_code=31525,
        country_iso_code="USA",
    )
    return Letting.objects.create(title="Joshua Tree Green Haus", address=address)


def test_names(letting):
    assert str(letting) == "Joshua Tree Green Haus"
    assert str(letting.address) == "7217 Bedford Street"


def test_index_without_lettings(client):
    assert b"No lettings are available." in client.get(reverse("lettings:index")).content


def test_index(client, letting):
    content = client.get(reverse("lettings:index")).content.decode()
    assert letting.title in content
    assert reverse("lettings:letting", args=[letting.id]) in content


def test_letting(client, letting):
    content = client.get(reverse("lettings:letting", args=[letting.id])).content.decode()
    assert "7217 Bedford Street" in content
    assert "Brunswick, GA 31525" in content


def test_letting_that_does_not_exist(client):
    assert client.get(reverse("lettings:letting", args=[1])).status_code == 404
