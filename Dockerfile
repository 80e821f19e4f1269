# Strongroom in a container: one binary, no root. The bases are build arguments, for places with images of their own.
ARG BUILD_IMAGE=rust:1.95-slim-bookworm
ARG RUNTIME_IMAGE=debian:bookworm-slim

FROM ${BUILD_IMAGE} AS build
# A cargo profile: `dev` compiles in a fraction of the time, for trying things.
ARG PROFILE=release
# Function names stay for backtraces; line tables are most of the binary's size.
ENV CARGO_PROFILE_RELEASE_STRIP=debuginfo
WORKDIR /build
COPY Cargo.toml Cargo.lock ./
COPY .sqlx .sqlx
COPY benches benches
COPY migrations migrations
COPY src src
RUN cargo build --locked --profile "$PROFILE" --bin strongroom && install -D target/*/strongroom /out/strongroom

FROM ${RUNTIME_IMAGE}
# Roots for TLS towards Postgres; the slim base has none.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/strongroom /usr/local/bin/
RUN groupadd --system --gid 10001 strongroom \
    && useradd --system --uid 10001 --gid 10001 --home-dir /var/lib/strongroom --no-create-home --shell /usr/sbin/nologin strongroom \
    && install -d -o 10001 -g 10001 -m 0700 /var/lib/strongroom
USER 10001:10001
# The default state directory of an ordinary user is $XDG_DATA_HOME/strongroom: the server and every command agree on it.
ENV XDG_DATA_HOME=/var/lib
VOLUME /var/lib/strongroom
EXPOSE 7070
# Needs no token, and the image carries no curl.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["bash", "-c", \
    "exec 3<>/dev/tcp/127.0.0.1/7070 && printf 'GET /readyz HTTP/1.0\\r\\n\\r\\n' >&3 && read -r _ status _ <&3 && [ \"$status\" = 200 ]"]
ENTRYPOINT ["strongroom"]
CMD ["serve", "--listen", "0.0.0.0:7070"]
