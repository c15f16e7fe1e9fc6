import logging
import os

from django.db import Error, connection
from django.http import JsonResponse

logger = logging.getLogger(__name__)


class HealthMiddleware:
    """Answers /healthz before any other middleware.

    Health checks come by IP address: Django itself would answer 400 to a host that is not in ALLOWED_HOSTS.
    """

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        if request.path != "/healthz":
            return self.get_response(request)
        revision = os.environ.get("REVISION", "unknown")
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
        except Error:
            logger.exception("health check failed: the database does not answer")
            return JsonResponse({"status": "no database", "revision": revision}, status=503)
        return JsonResponse({"status": "ok", "revision": revision})
