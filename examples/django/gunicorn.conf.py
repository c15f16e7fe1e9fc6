"""Read by gunicorn when it starts in this directory."""

import os

wsgi_app = "config.wsgi"
# Heroku and Render choose the port.
bind = f"0.0.0.0:{os.environ.get('PORT', '8000')}"
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
threads = 4
# A file on the container's disk may block the workers' heartbeat.
worker_tmp_dir = "/dev/shm"
accesslog = "-"
