from django.shortcuts import get_object_or_404, render

from profiles.models import Profile


def index(request):
    profiles = Profile.objects.select_related("user").order_by("user__username")
    return render(request, "profiles/index.html", {"profiles": profiles})


def profile(request, username):
    found = get_object_or_404(Profile.objects.select_related("user"), user__username=username)
    return render(request, "profiles/profile.html", {"profile": found})
