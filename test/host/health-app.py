"""A Django behind a proxy that ends TLS. FAULT names what is wrong with it."""

import os
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIServer, make_server

from django.conf import settings

fault = os.environ.get("FAULT", "")
settings.configure(
    ALLOWED_HOSTS=["*"],
    SECRET_KEY="only-for-tests",
    ROOT_URLCONF=__name__,
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"],
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    SECURE_SSL_REDIRECT=True,
    SECURE_PROXY_SSL_HEADER=None if "untrusting" in fault else ("HTTP_X_FORWARDED_PROTO", "https"),
)

import django  # noqa: E402

django.setup()

from django.contrib.auth.decorators import login_required  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.db import Error, connection  # noqa: E402
from django.http import HttpResponse, JsonResponse  # noqa: E402
from django.urls import path  # noqa: E402


def index(request):
    if "raises" in fault:
        raise ValueError("every page of this release fails")
    response = HttpResponse("the page")
    if "cached" in fault:
        response["Age"] = "12"
        response["X-Cache"] = "HIT"
    return response


def healthz(request):
    query = "SELECT 1 FROM missing" if "no-table" in fault else "SELECT 1"
    try:
        with connection.cursor() as cursor:
            cursor.execute(query)
    except Error as error:
        return JsonResponse({"database": str(error)})
    return JsonResponse({"database": "ok"})


urlpatterns = [path("", login_required(index) if "login" in fault else index), path("healthz", healthz)]


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


with make_server("", 8000, get_wsgi_application(), Server) as server:
    print("listens on 8000", flush=True)
    server.serve_forever()
