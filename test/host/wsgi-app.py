"""A WSGI app on Python's own server: /environ answers what it makes of the request's headers."""

import json
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 128


class Handler(WSGIRequestHandler):
    def log_message(self, *_):
        pass


def app(environ, start_response):
    headers = {name: value for name, value in environ.items() if name.startswith("HTTP_")}
    text = json.dumps(headers) if environ["PATH_INFO"] == "/environ" else "served"
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(text)))])
    return [text.encode()]


make_server("", 8000, app, Server, Handler).serve_forever()
