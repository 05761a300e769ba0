# The image: the exporter with its query files, rules, runbooks and dashboards, on Debian 13. It runs as a numeric user
# that is not root, writes nothing, and needs no volume: mount a configuration under /etc/pgvigil.

FROM debian:13-slim AS build
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
# BUILD_PACKAGES of scripts/lib/packages.sh; a test holds both together.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends \
        civetweb \
        cmake \
        g++ \
        libbz2-dev \
        libcivetweb-dev \
        libcli11-dev \
        libcrypt-dev \
        libcurl4-openssl-dev \
        libfmt-dev \
        libhowardhinnant-date-dev \
        liblz4-dev \
        liblzma-dev \
        libpq-dev \
        libpqxx-dev \
        libpugixml-dev \
        libsnappy-dev \
        libspdlog-dev \
        libssl-dev \
        libyaml-cpp-dev \
        libzstd-dev \
        ninja-build \
        nlohmann-json3-dev \
        pkg-config \
        prometheus-cpp-dev \
        zlib1g-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
# The context has no .git: docker build --build-arg REVISION="$(git describe --always --dirty --exclude='*')"
ARG REVISION=unknown
RUN cmake -S . -B /build -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX=/usr -DPGVIGIL_TESTS=OFF \
        -DPGVIGIL_REVISION="$REVISION" \
    && cmake --build /build \
    && DESTDIR=/out cmake --install /build --strip

FROM debian:13-slim
# What the program is linked with, and bash and coreutils of the base for `helm test`. Versions come with the base's release.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends \
        ca-certificates \
        libbz2-1.0 \
        libcivetweb1 \
        libcrypt1 \
        libcurl4t64 \
        libdate-tz3 \
        libfmt10 \
        liblz4-1 \
        liblzma5 \
        libpq5 \
        libpqxx-7.10 \
        libprometheus-cpp-core1.0 \
        libpugixml1v5 \
        libsnappy1v5 \
        libspdlog1.15 \
        libssl3t64 \
        libstdc++6 \
        libyaml-cpp0.8 \
        libzstd1 \
        tzdata \
        zlib1g \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /out/ /
ARG REVISION=unknown
LABEL org.opencontainers.image.title="pgvigil" \
      org.opencontainers.image.description="Prometheus exporter for PostgreSQL clusters" \
      org.opencontainers.image.source="https://github.com/pgvigil/pgvigil" \
      org.opencontainers.image.documentation="https://github.com/pgvigil/pgvigil/blob/main/docs/install.md" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.revision="$REVISION"
USER 65532:65532
EXPOSE 9187
ENTRYPOINT ["/usr/bin/pgvigil"]
CMD ["serve", "--config", "/etc/pgvigil/pgvigil.yaml"]
