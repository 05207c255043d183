#!/bin/bash
# In a container of the build image, as the app's user: the source becomes the app. Mounted: /app, empty; /source.tar;
# /buildpacks; /cache; /env, a file for each config var; /out, for what was found out.
set -u
umask 022
exec 2>&1

stage() { echo "$1" >/out/stage; }

stage unpack
tar -xf /source.tar -C /app --no-same-owner --no-same-permissions || exit
cd /app || exit

stage detect
buildpack=
while read -r name; do
    case $name in '' | '#'*) continue ;; esac
    if detected=$("/buildpacks/$name/bin/detect" /app 2>/dev/null); then
        buildpack=/buildpacks/$name
        break
    fi
done </buildpacks/order
[ -n "$buildpack" ] || exit 1
echo "${detected:-$name}" >/out/detected
echo "-----> Using the $name buildpack"

stage compile
"$buildpack/bin/compile" /app /cache /env || exit

stage release
if [ -x "$buildpack/bin/release" ]; then
    "$buildpack/bin/release" /app >/out/release.yml || exit
fi
if [ -f Procfile ] && [ ! -L Procfile ]; then
    cp Procfile /out/Procfile || exit
fi

stage done
