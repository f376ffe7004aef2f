# Three images from one file, with the trainspec command as their entry point:
#   --target settings   validate, show, explain, plan, diff, export; no torch
#   --target service    trainspec serve at port 8080, and nothing else; no torch
#   --target training   the same and train; the default
#
# BASE         an image with Python 3.11 or newer and its venv module
# EXTRAS       the extras of pyproject.toml that the training image has, with spaces between
# PIP_OPTIONS  what pip is told besides: another index (one with CPU wheels of torch makes a much smaller image), or
#              "--no-index --find-links /wheels" with a folder of wheels mounted there
ARG BASE=docker.io/library/python:3.13-slim-bookworm

# The environment is filled by a pip beside it, so that the images hold none.
FROM ${BASE} AS builder
ARG PIP_OPTIONS=""
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
RUN python3 -m venv /opt/pip && python3 -m venv --without-pip /opt/trainspec
WORKDIR /source
# Dependencies change less often than code, so their layers hang on pyproject.toml alone.
COPY pyproject.toml ./
# hadolint ignore=SC2086
RUN python3 -c 'import tomllib; project = tomllib.load(open("pyproject.toml", "rb"))["project"]; \
    needs = {"core": project["dependencies"], **project["optional-dependencies"]}; \
    [open(f"{name}.txt", "w").write("\n".join(items)) for name, items in needs.items()]' \
    && /opt/pip/bin/pip --python /opt/trainspec/bin/python install ${PIP_OPTIONS} --requirement core.txt

FROM builder AS training-builder
ARG PIP_OPTIONS=""
ARG EXTRAS="train"
# hadolint ignore=SC2086
RUN for extra in ${EXTRAS}; do set -- "$@" --requirement "${extra}.txt"; done \
    && /opt/pip/bin/pip --python /opt/trainspec/bin/python install ${PIP_OPTIONS} "$@"

FROM builder AS service-builder
ARG PIP_OPTIONS=""
# hadolint ignore=SC2086
RUN /opt/pip/bin/pip --python /opt/trainspec/bin/python install ${PIP_OPTIONS} --requirement serve.txt

# The package alone, in the place that it has in the images: a layer of kilobytes for every change of the code.
FROM builder AS package
ARG PIP_OPTIONS=""
COPY README.md LICENSE ./
COPY src src
COPY schemas schemas
# hadolint ignore=SC2086
RUN /opt/pip/bin/pip --python /opt/trainspec/bin/python install ${PIP_OPTIONS} --no-deps --root /package .

FROM ${BASE} AS runtime
LABEL org.opencontainers.image.title="trainspec" \
      org.opencontainers.image.description="Typed, validated settings for torch training jobs" \
      org.opencontainers.image.licenses="MIT"
RUN groupadd --gid 10001 trainspec \
    && useradd --uid 10001 --gid 10001 --create-home --shell /usr/sbin/nologin trainspec \
    && install --directory --owner 10001 --group 10001 /work
ENV PATH=/opt/trainspec/bin:$PATH PYTHONUNBUFFERED=1
WORKDIR /work
# A number, so that Kubernetes can see that it is not root.
USER 10001:10001
# Without a shell around it the process gets the signals itself: SIGTERM ends a run in order, with exit code 143.
# A run has no HEALTHCHECK: it ends by itself, and its exit code says how it went.
STOPSIGNAL SIGTERM
ENTRYPOINT ["trainspec"]
CMD ["--help"]

FROM runtime AS settings
COPY --from=builder /opt/trainspec /opt/trainspec
COPY --from=package /package /

FROM runtime AS service
COPY --from=service-builder /opt/trainspec /opt/trainspec
COPY --from=package /package /
EXPOSE 8080
# What is not ready fails it, also while it ends. A flag such as --port 9000 wants a check of its own.
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
    CMD ["python3", "-c", "import urllib.request as ask; ask.urlopen('http://127.0.0.1:8080/readyz', timeout=2)"]
ENTRYPOINT ["trainspec", "serve", "--host", "0.0.0.0"]
CMD []

FROM runtime AS training
# matplotlib and compiled kernels want to keep something; everything else may be read-only.
ENV MPLCONFIGDIR=/tmp/matplotlib TORCHINDUCTOR_CACHE_DIR=/tmp/torchinductor
COPY --from=training-builder /opt/trainspec /opt/trainspec
COPY --from=package /package /
