# tos-proxy as a container image. `docker build -t tos-proxy .`; docs/deployment.md tells how to run it.
#
# Needs no network but a package index; everything that is installed has its hash in requirements.txt. Another interpreter:
# --build-arg BASE=python:3.12-slim

ARG BASE=python:3.13-slim

# --- builder: the wheel, its environment, and the hot modules compiled. The compiler stays here.
FROM ${BASE} AS builder

RUN apt-get update \
    && apt-get install --yes --no-install-recommends gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
COPY requirements.txt ./
RUN python3 -m venv /build/venv \
    && /build/venv/bin/pip wheel --require-hashes --only-binary :all: --wheel-dir /build/wheels --requirement requirements.txt

# From here on there is no package index: all comes from what was checked against its hash.
ENV PIP_NO_INDEX=1 PIP_FIND_LINKS=/build/wheels
RUN /build/venv/bin/pip install --no-deps /build/wheels/*.whl

COPY pyproject.toml README.md LICENSE ./
COPY scripts ./scripts
COPY migrations ./migrations
COPY policies ./policies
COPY proxy ./proxy
RUN /build/venv/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /build/dist .

# Only what the wheel asks for: no pip, no build tool. The byte code is made here, since nothing can be written where it runs.
RUN python3 -m venv --without-pip /usr/local/lib/tos-proxy \
    && /build/venv/bin/pip --python /usr/local/lib/tos-proxy/bin/python install --compile /build/dist/*.whl \
    && /build/venv/bin/python scripts/native \
    && cp -r proxy/_native "$(/usr/local/lib/tos-proxy/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/proxy/"

# --- the image
FROM ${BASE}

RUN groupadd --gid 10001 tos-proxy \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin tos-proxy \
    && mkdir -p /etc/tos-proxy /var/lib/tos-proxy \
    && chown 10001:10001 /var/lib/tos-proxy \
    && chmod 0700 /var/lib/tos-proxy
COPY --from=builder /usr/local/lib/tos-proxy /usr/local/lib/tos-proxy
# The standard library of a slim image has no byte code: without this each of three processes would compile it at every start.
RUN python3 -c "import compileall, sysconfig; compileall.compile_dir(sysconfig.get_path('stdlib'), quiet=2, workers=0)"

# In here the gateway and the health listener are for others, admin is not (docs/deployment.md says how to reach it).
ENV PATH=/usr/local/lib/tos-proxy/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    TOS_PROXY_DATA_DIR=/var/lib/tos-proxy \
    TOS_PROXY_GATEWAY__HOST=0.0.0.0 \
    TOS_PROXY_HEALTH__HOST=0.0.0.0

# A configuration file mounted here is found by its name: /etc/tos-proxy/tos-proxy.yaml
WORKDIR /etc/tos-proxy
USER 10001:10001
VOLUME /var/lib/tos-proxy
EXPOSE 8080 8082
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 CMD ["tos-proxy", "healthcheck"]
ENTRYPOINT ["tos-proxy"]
CMD ["serve"]
