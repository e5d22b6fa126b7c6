# docker build --tag jaxneq .                                  for CPUs
# docker build --tag jaxneq --build-arg ACCELERATOR=cuda13 .   for NVIDIA GPUs; cuda12 where the driver is older than 580
# docker run --rm jaxneq                                       the main job; for GPUs add: --gpus all
# docker run --rm --volume "$PWD:/jobs" jaxneq job.toml        a job of your own, the results beside it
FROM python:3.12-slim

ARG ACCELERATOR=cpu
# No GPU is visible while the image is built, so the accelerator is stated and not detected.
ENV JAXNEQ_ACCELERATOR=$ACCELERATOR \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility \
    PIP_NO_CACHE_DIR=1

RUN useradd --create-home jaxneq \
    && install --directory --owner jaxneq --group jaxneq /opt/jaxneq /jobs
USER jaxneq
WORKDIR /opt/jaxneq

# The dependencies in a layer of their own: they are installed anew only when these few files change.
COPY --chown=jaxneq run pyproject.toml README.md LICENSE ./
COPY --chown=jaxneq jaxneq/__init__.py jaxneq/_version.py jaxneq/
RUN ./run setup

COPY --chown=jaxneq . .
WORKDIR /jobs
ENTRYPOINT ["/opt/jaxneq/run"]
