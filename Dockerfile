# wahub on Debian 12: stock nginx with the module.
#
#   docker build -t wahub .
#   docker run -p 8080:8080 -v wahub:/var/lib/wahub wahub
#
# A Redis of its own runs inside unless WAHUB_REDIS names another one, as
# compose.yaml does.  The steps are those of ./wahub run.

FROM debian:12-slim AS build
WORKDIR /src
COPY . .
RUN ./wahub build

FROM debian:12-slim
RUN printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d \
    && chmod 755 /usr/sbin/policy-rc.d \
    && apt-get update \
    && apt-get install -y --no-install-recommends \
        nginx redis-server curl ca-certificates libsignal-protocol-c2.3.2 \
        libhiredis0.14 libcurl4 libwslay1 libsodium23 libssl3 libjansson4 \
        libqrencode4 libpng16-16 libjpeg62-turbo libwebp7 libopusfile0 libmagic1 libxml2 zlib1g \
        libsqlite3-0 libpq5 \
    && rm -rf /var/lib/apt/lists/* /usr/sbin/policy-rc.d
COPY --from=build /src/build/ngx_http_wahub_module.so \
    /opt/wahub/build/ngx_http_wahub_module.so
COPY wahub conf.example LICENSE /opt/wahub/
COPY tools/packages.sh tools/mate.sh /opt/wahub/tools/
RUN install -d -o www-data -g www-data -m 750 /var/lib/wahub

ENV WAHUB_DATA=/var/lib/wahub \
    WAHUB_MODULE=/opt/wahub/build/ngx_http_wahub_module.so \
    PORT=8080
USER www-data
VOLUME /var/lib/wahub
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s \
    CMD curl -sf "http://127.0.0.1:$PORT/health" > /dev/null
ENTRYPOINT ["/opt/wahub/wahub"]
CMD ["run", "--foreground"]
