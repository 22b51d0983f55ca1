# One image for all services; compose.yaml says which one a container is.
FROM python:3.13-slim

ENV PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    SLUICE_HOME=/data \
    SLUICE_HOST=0.0.0.0 \
    NUMBA_CACHE_DIR=/data/kernels

RUN useradd --create-home --uid 1000 sluice \
    && mkdir /data \
    && chown sluice /data
WORKDIR /sluice

COPY requirements.lock .
RUN pip install -r requirements.lock

COPY pyproject.toml README.md LICENSE ./
COPY app app
COPY core core
COPY jobs jobs
COPY pages pages
COPY .streamlit .streamlit
RUN pip install --no-deps --no-build-isolation -e .

USER sluice
VOLUME /data
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://localhost:8501/healthz', timeout=4)"]
CMD ["sluice", "web"]
