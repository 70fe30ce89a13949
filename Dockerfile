# The page and the API of Restora for a home server; see docs/container.md.
FROM python:3.11-slim-bookworm AS build
WORKDIR /build
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY restora restora
RUN python -m venv /opt/restora \
    && /opt/restora/bin/python -m pip install --no-cache-dir --disable-pip-version-check -c constraints.txt ".[web]"

FROM python:3.11-slim-bookworm
COPY --from=build /opt/restora /opt/restora
COPY container/healthy.py /opt/restora/healthy.py
RUN useradd --uid 10001 --no-create-home --home-dir /data restora \
    && install -d -o restora -g restora /data
# Nothing outside /data and /tmp is written.
ENV PATH=/opt/restora/bin:$PATH HOME=/data PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8765
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s CMD ["python", "/opt/restora/healthy.py"]
ENTRYPOINT ["restora"]
CMD ["serve", "--host", "0.0.0.0", "--folder", "/data/jobs"]
