# Built in one stage, run in another that has neither pip's cache nor the sources' build tools.
FROM python:3.13-slim AS build
ARG EXTRAS="base"
WORKDIR /source
# Nothing is installed whose hash is not in locks/, the tool that builds the package included.
COPY locks locks
RUN python -m venv /opt/holdout && python -m venv /opt/build \
    && /opt/holdout/bin/pip install --no-cache-dir --require-hashes --requirement "locks/$EXTRAS.txt" \
    && /opt/build/bin/pip install --no-cache-dir --require-hashes --requirement locks/build.txt
# The dependencies change less often than the code: they are a layer of their own.
COPY pyproject.toml README.md LICENSE ./
COPY service service
COPY workers workers
RUN /opt/build/bin/pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir wheels . \
    && /opt/holdout/bin/pip install --no-cache-dir --no-deps wheels/*.whl

FROM python:3.13-slim
LABEL org.opencontainers.image.title="Holdout" \
      org.opencontainers.image.licenses="MIT"
# A font: without one, charts cannot be drawn as PNG.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends fonts-dejavu-core \
    && rm -rf /var/lib/apt/lists/*
RUN useradd --system --uid 10001 --no-create-home holdout \
    && install --directory --owner=holdout --group=holdout /data /artifacts /kernels
COPY --from=build /opt/holdout /opt/holdout
ENV PATH=/opt/holdout/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    HOLDOUT_HOST=0.0.0.0 \
    HOLDOUT_PORT=8000 \
    HOLDOUT_DATA_DIR=/data \
    NUMBA_CACHE_DIR=/kernels
USER 10001
WORKDIR /data
# Compiled here, as the user that trains, so that no first run waits for it. A processor unlike this one compiles anew.
RUN python -m workers.processes.preload
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f'http://127.0.0.1:{os.environ[\"HOLDOUT_PORT\"]}/ready', timeout=2)"]
STOPSIGNAL SIGTERM
CMD ["holdout", "serve"]
