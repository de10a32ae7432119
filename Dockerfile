# The portal for production: your own PostgreSQL and broker, an unprivileged user, nothing embedded in use.
FROM python:3.13-slim AS build
WORKDIR /app
COPY manage.py requirements.lock ./
RUN python manage.py install
COPY . .
RUN STATIC_ROOT=/app/static-root python manage.py collectstatic --no-input --ignore rest_framework --ignore ext && rm -rf tests bench

FROM python:3.13-slim
RUN useradd --system --create-home --home-dir /data lastmile && install --directory --owner lastmile --mode 0700 /sealer /data/packs
COPY --from=build /app /app
WORKDIR /app
ENV PATH=/app/.venv/bin:$PATH PYTHONUNBUFFERED=1 DJANGO_SETTINGS_MODULE=portal.settings LASTMILE_DATA=/data STATIC_ROOT=/app/static-root
USER lastmile
EXPOSE 8000
HEALTHCHECK CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/healthz', timeout=3)"]
CMD ["granian", "--interface", "wsgi", "--host", "0.0.0.0", "--port", "8000", "--workers", "2", "--blocking-threads", "4", "--no-ws", "portal.wsgi:application"]
