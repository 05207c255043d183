# The run image: what every app of a buildpack runs on. Libraries and small tools, no compilers.
# Built by paas/builds/stack.py on a base that debootstrap made; ca/ holds the operator's extra CA certificates.
ARG BASE
FROM ${BASE}

# Certificates come before the first download, so that a mirror or a package index behind them answers.
COPY ca/ /usr/local/share/ca-certificates/
COPY etc/ /etc/
RUN update-ca-certificates >/dev/null

# debootstrap names one suite only; its mirror is kept, updates and security are added.
ARG SUITE
RUN set -eu; \
    mirror=$(awk '$1 == "deb" { print $2; exit }' /etc/apt/sources.list); mirror=${mirror%/}; \
    printf 'deb %s %s main\n' "$mirror" "$SUITE" "$mirror" "$SUITE-updates" "$mirror-security" "$SUITE-security" \
        >/etc/apt/sources.list; \
    printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d; chmod 755 /usr/sbin/policy-rc.d; \
    export DEBIAN_FRONTEND=noninteractive; \
    apt-get -q update; \
    apt-get -qy upgrade; \
    apt-get -qy install \
        bash ca-certificates curl iproute2 iptables less media-types netbase nginx openssl procps python3 tzdata \
        libbz2-1.0 libcurl4 libexpat1 libffi8 libfreetype6 libgmp10 libjpeg62-turbo liblzma5 libmariadb3 \
        libncurses6 libpng16-16 libpq5 libreadline8 libsqlite3-0 libssl3 libwebp7 libxml2 libxslt1.1 \
        libyaml-0-2 zlib1g; \
    rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/cache/debconf/*-old /var/log/*.log /var/log/apt \
        /etc/nginx/sites-enabled/* /var/www

# -M: the skeleton's .profile and .bashrc would become files of every app.
RUN groupadd --gid 20000 app \
    && useradd -M --uid 20000 --gid 20000 --home-dir /app --shell /bin/bash app \
    && install -d -o app -g app /app

# Each of these tools looks for certificates in a place of its own unless it is told.
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    LANG=C.UTF-8 \
    HOME=/app \
    SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt \
    REQUESTS_CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt \
    PIP_CERT=/etc/ssl/certs/ca-certificates.crt \
    NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt
WORKDIR /app
USER 20000:20000
CMD ["/bin/bash"]
