# docker build -t jinc .                                  on CPUs
# docker build -t jinc --build-arg BASE=pytorch/pytorch:2.13.0-cuda13.0-cudnn9-runtime .
# docker run --rm -v "$PWD:/work" jinc sample mnist --class 3 7 --out out
ARG BASE=python:3.12-slim
FROM ${BASE}
RUN apt-get update \
    && apt-get install -y --no-install-recommends gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/*
# Used where the base has no PyTorch of its own.
ENV PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu PIP_NO_CACHE_DIR=1
COPY . /jinc
RUN python -m pip install -c /jinc/constraints.txt "/jinc[app,diffusers,video]"
WORKDIR /work
ENTRYPOINT ["jinc"]
CMD ["--help"]
