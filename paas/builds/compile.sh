#!/bin/bash
# compile.sh CACHE_MB KNOWN, in a container of the build image, as the app's user: the source becomes the app. Mounted: /app,
# empty; /source.tar; /buildpacks, ours; /in/chosen, the buildpacks that were chosen; /cache; /env, a file for each config
# var; /out, for what was found out. KNOWN is the buildpack that this container was made for, if nobody chose; may be empty.
set -u
umask 022
exec 2>&1
cache_mb=$1 known=$2

stage() { echo "$1" >/out/stage; }

bound_cache() {
    local mb
    mb=$(du -sm /cache 2>/dev/null | cut -f 1)
    [ "${mb:-0}" -gt "$cache_mb" ] || return 0
    echo " !     The cache has $mb MB, more than $cache_mb (setting build_cache_mb), and is emptied"
    chmod -R u+rwX /cache
    find /cache -mindepth 1 -delete
}

# A buildpack writes beside itself (its `export`), so each gets a copy that goes with the build.
lay_out() { # NUMBER KIND PLACE: sets `pack`
    local kind=$2 place=$3
    pack=/tmp/buildpacks/$1
    case $kind in
    ours) pack=/buildpacks/$place ;;
    folder)
        mkdir -p /tmp/buildpacks && [ -d "/app/$place" ] && cp -R "/app/$place" "$pack" || return
        ;;
    *)
        mkdir -p "$pack" && tar -xf "/in/$place" -C "$pack" --no-same-owner --no-same-permissions || return
        if [ ! -e "$pack/bin/compile" ]; then # what a forge packs stands in a folder
            set -- "$pack"/*/bin/compile
            [ $# -eq 1 ] && [ -e "$1" ] && pack=${1%/bin/compile}
        fi
        ;;
    esac
    [ "$kind" = ours ] || chmod -f u+x "$pack"/bin/*
    [ -f "$pack/bin/compile" ]
}

# gitignore's patterns, but for those that begin with !
leave_out() {
    tr -d '\r' <.slugignore | grep -av '^!' >/tmp/slugignore
    GIT_CONFIG_GLOBAL=/dev/null git init --quiet --bare --template= /tmp/slug || return
    GIT_CONFIG_GLOBAL=/dev/null git --git-dir=/tmp/slug -c core.bare=false --work-tree=/app \
        ls-files -z --others --ignored --directory --exclude-from=/tmp/slugignore >/tmp/left-out || return
    xargs -0r rm -rf -- </tmp/left-out || return
    echo "-----> Left out what .slugignore names"
}

# Others than an ordinary buildpack does: one of these two at least.
wants_images() { # NAME KNOWN
    local each
    for each in "$1" "${2:-$1}"; do
        [ ! -f "/buildpacks/$each/packages" ] && [ ! -f "/buildpacks/$each/small" ] || return 0
    done
    return 1
}

# With what the buildpacks before have left for this one.
run() {
    (
        set +u
        for file in "${exports[@]}"; do . "$file"; done
        exec "$@"
    )
}

stage unpack
tar -xf /source.tar -C /app --no-same-owner --no-same-permissions || exit
cd /app || exit
bound_cache
trap bound_cache EXIT

packs=() names=() called=() exports=() has_apt=
while IFS=$'\t' read -r kind place name; do
    stage chosen
    echo "$name" >/out/detected
    lay_out ${#packs[@]} "$kind" "$place" || exit
    packs+=("$pack") names+=("$name") called+=("$name")
    if [ "$kind $place" = 'ours apt' ] || { [ "$kind" != ours ] && grep -qs Aptfile "$pack"/bin/*; }; then has_apt=1; fi
done </in/chosen

if [ -f .slugignore ] && [ ! -L .slugignore ]; then
    stage slugignore
    leave_out || exit
fi

if [ ${#packs[@]} -eq 0 ]; then
    stage detect
    looked_for=$'       Dockerfile\n'
    while read -r name; do
        case $name in '' | '#'*) continue ;; esac
        if detected=$("/buildpacks/$name/bin/detect" /app 2>/dev/null); then
            packs=("/buildpacks/$name") names=("$name") called=("$detected")
            break
        fi
        looked_for+="       $name: $detected"$'\n'
    done </buildpacks/order
    if [ ${#packs[@]} -eq 0 ]; then
        printf -- '-----> Nothing here says how to build this app. Looked for, at the top of the tree:\n%s' "$looked_for"
        exit 1
    fi
    echo "$name" >/out/name
    if [ "$name" != "$known" ] && wants_images "$name" "$known"; then
        stage again
        # The next container unpacks the source once more.
        cd / && find /app -mindepth 1 -maxdepth 1 ! -type l -exec chmod -R u+rwX {} +
        find /app -mindepth 1 -delete
        exit
    fi
fi

if [ -f Aptfile ] && [ ! -L Aptfile ] && [ -z "$has_apt" ]; then
    packs=(/buildpacks/apt "${packs[@]}") names=(apt "${names[@]}") called=(apt "${called[@]}")
fi

for number in "${!packs[@]}"; do
    pack=${packs[number]} name=${names[number]}
    echo "${called[number]}" >/out/detected
    echo "-----> Using the $name buildpack"
    stage compile
    run "$pack/bin/compile" /app /cache /env || exit
    cd /app || exit
    [ ! -f "$pack/export" ] || exports+=("$pack/export")
done

stage release
if [ -x "$pack/bin/release" ]; then
    run "$pack/bin/release" /app >/out/release.yml || exit
fi
if [ -f Procfile ] && [ ! -L Procfile ]; then
    cp Procfile /out/Procfile || exit
fi

stage done
