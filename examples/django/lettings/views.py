from django.shortcuts import get_object_or_404, render

from lettings.models import Letting


def index(request):
    return render(request, "lettings/index.html", {"lettings": Letting.objects.order_by("title")})


def letting(request, letting_id):
    found = get_object_or_404(Letting.objects.select_related("address"), id=letting_id)
    return render(request, "lettings/letting.html", {"letting": found})
