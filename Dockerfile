# One image for every service and every command: `docker run bilhetagem serve order`.
# Pinned by tag, so that the operating system's security fixes arrive by building again.
ARG PYTHON=python:3.12-slim-trixie

FROM ${PYTHON} AS builder
# Wheels and bytecode do not depend on when they were built.
ENV SOURCE_DATE_EPOCH=315532800 \
    PIP_CACHE_DIR=/var/cache/build/pip \
    UV_CACHE_DIR=/var/cache/build/uv \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_INPUT=1
WORKDIR /build
COPY requirements/build.txt requirements/runtime.txt requirements/
RUN --mount=type=cache,target=/var/cache/build \
    python -m venv tools \
    && tools/bin/pip install --quiet --require-hashes --only-binary :all: -r requirements/build.txt
# Some packages come as source only: they are built here, with the pinned backends, and not in the environment that runs.
RUN --mount=type=cache,target=/var/cache/build \
    tools/bin/pip wheel --quiet --require-hashes --no-deps --no-build-isolation --wheel-dir wheels -r requirements/runtime.txt \
    && python -m venv --without-pip /opt/bilhetagem \
    && tools/bin/uv pip install --quiet --python /opt/bilhetagem/bin/python --offline --no-index --no-deps wheels/*.whl
COPY pyproject.toml README.md LICENSE ./
COPY contracts contracts
COPY localstack localstack
COPY services services
RUN tools/bin/pip wheel --quiet --no-index --no-deps --no-build-isolation --wheel-dir own . \
    && tools/bin/uv pip install --quiet --python /opt/bilhetagem/bin/python --offline --no-index --no-deps own/*.whl \
    && python -m compileall -q --invalidation-mode unchecked-hash /opt/bilhetagem/lib

FROM ${PYTHON}
LABEL org.opencontainers.image.title="Bilhetagem" \
      org.opencontainers.image.description="Ticket selling for Brazil: seven services and a saga over SQS" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN groupadd --system --gid 10001 bilhetagem \
    && useradd --system --uid 10001 --gid bilhetagem --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin bilhetagem
# Those who vouch for RDS's certificates, as AWS names them today (docs/decisions.md, 46).
ADD --chmod=0444 https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem /etc/ssl/rds.pem
COPY --from=builder /opt/bilhetagem /opt/bilhetagem
ENV PATH=/opt/bilhetagem/bin:${PATH} \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
WORKDIR /opt/bilhetagem
USER 10001:10001
EXPOSE 8000
# The exec form: the command is process 1 and gets SIGTERM itself, on which it drains.
ENTRYPOINT ["bilhetagem"]
CMD ["--help"]
