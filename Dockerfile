# webot in a container: what `make run` does, without the tools that build it.
#   docker build -t webot .
#   docker run -p 127.0.0.1:50008:50008 -p 127.0.0.1:50009:50009 -v webot-data:/data webot
# The console is at http://127.0.0.1:50009/console; the first start prints its password.

FROM python:3.11-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
COPY requirements/runtime.txt requirements/build.txt requirements/
RUN python -m venv /opt/webot \
    && /opt/webot/bin/pip install --require-hashes -r requirements/runtime.txt \
    && pip install --require-hashes -r requirements/build.txt
COPY pyproject.toml README.md LICENSE ./
COPY adapters adapters
COPY chains chains
COPY exports exports
COPY pipeline pipeline
COPY storage storage
COPY web web
# Compiled here: the service's user may not write beside the code, and every start would pay for it.
RUN pip wheel --no-build-isolation --no-deps --wheel-dir dist . \
    && /opt/webot/bin/pip install --no-deps dist/*.whl \
    && /opt/webot/bin/python -m compileall -q /opt/webot/lib

FROM python:3.11-slim
RUN groupadd --gid 10001 webot \
    && useradd --uid 10001 --gid 10001 --home-dir /data --no-create-home --shell /usr/sbin/nologin webot \
    && install --directory --owner=webot --group=webot --mode=0700 /data
COPY --from=build /opt/webot /opt/webot
# settings.local.toml and .secrets.toml may be mounted beside it.
COPY settings.toml /etc/webot/settings.toml
ENV PATH=/opt/webot/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    WEBOT_SETTINGS_DIR=/etc/webot \
    WEBOT_SERVER__HOST=0.0.0.0 \
    WEBOT_CONSOLE__HOST=0.0.0.0 \
    WEBOT_CONSOLE__GENERATE_PASSWORD=true
USER 10001:10001
# The settings' "data/webot.db" is /data/webot.db from here.
WORKDIR /
VOLUME /data
EXPOSE 50008 50009
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import http.client, os, sys; c = http.client.HTTPConnection('127.0.0.1', int(os.environ.get('WEBOT_SERVER__PORT', '50008')), timeout=4); c.request('GET', '/readyz'); sys.exit(c.getresponse().status != 200)"]
ENTRYPOINT ["webot"]
CMD ["serve"]
