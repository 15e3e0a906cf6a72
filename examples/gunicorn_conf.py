"""The service of service.py behind gunicorn, in two processes: one session in each.

    gunicorn -c gunicorn_conf.py

The application is made before the fork, and each worker opens the session in a loop of its own,
after it: a session does not pass a fork.
"""

import os

wsgi_app = "service:application()"
worker_class = "aiohttp.GunicornWebWorker"
workers = 2
preload_app = True
bind = f"127.0.0.1:{os.environ.get('PORT', '8080')}"
