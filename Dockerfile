# One image for every process of a deployment: `tendril api`, `tendril worker`, `tendril migrate`, `python -m sandbox`.
# Dependencies are exactly requirements.lock, checked by hash.
FROM python:3.12.8-slim-bookworm AS build
WORKDIR /app
RUN python -m venv /venv
COPY requirements.lock .
RUN /venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.lock

FROM python:3.12.8-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /app --shell /usr/sbin/nologin tendril
WORKDIR /app
COPY --from=build /venv /venv
COPY --chown=root:root . .
RUN printf '#!/bin/sh\nexec /venv/bin/python -m cli "$@"\n' > /usr/local/bin/tendril && chmod 755 /usr/local/bin/tendril
ENV PATH=/venv/bin:$PATH PYTHONPATH=/app PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 TENDRIL_LOG_FORMAT=json
USER tendril
EXPOSE 8000
CMD ["tendril", "api", "--host", "0.0.0.0"]
