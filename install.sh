#!/usr/bin/env bash
# Makes a bare Debian 12 or 13, or Ubuntu 24.04, a working platform. Run again it carries on, or does nothing; a newer
# one is the upgrade. Longer than a file should be: it has to run before anything of ours is there.
set -euo pipefail
umask 022

usage() {
    cat <<'TEXT'
sudo ./install.sh [OPTIONS]

  --domain NAME      the apps' domain (localhost)
  --http-port N      where the apps answer (80)
  --api-port N       where the API answers, on 127.0.0.1 (5000)
  --ssh-port N       where pushes arrive (2222)
  --dir FOLDER       the platform's folder (/var/lib/paas)
  --ca FILE          another CA certificate that builds are to trust; may be given several times
  --no-sample        do not push the sample app

With --router this machine becomes a router of a platform on another one, and nothing else. There `paas routers:add`
prints the line; the same again, of a newer version, is the upgrade.

  --router NAME      as it is registered there
  --platform ID      the id of that platform
  --table-port N     where its route table is reached, on 127.0.0.1 (5002)
  --password WORD    what the table asks for; - reads it from standard input

and of the options above --http-port and --dir (/var/lib/paas-router).
TEXT
}

# What is examined is what will run: paas/needed.py has the same.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
SOURCE=$(cd "$(dirname "$0")" && pwd)
PREFIX=/opt/paas
PYTHON=/usr/bin/python3 # what every user of this machine may run
DIR=''
DOMAIN=localhost HTTP_PORT=80 API_PORT=5000 SSH_PORT=2222
ROUTER='' PLATFORM='' TABLE_PORT=5002 PASSWORD='' # of a router for a platform elsewhere
CERTIFICATES=()
WITH_SAMPLE=yes
GIVEN=()
SUITE=trixie
LOG=/var/log/paas-install.log
LOCK=/run/paas-install.lock
UNWANTED=$PREFIX/unwanted-services # what Debian starts by itself, until it is told not to
PLATFORMS=$PREFIX/platforms        # the folders that run this machine's program
ROUTERS=$PREFIX/routers            # those of routers for platforms elsewhere
UNITS=/etc/systemd/system
OLDEST_HAPROXY=2.6 OLDEST_REDIS=7.0
POLICY=/usr/sbin/policy-rc.d
POLICY_MARK='made by the paas installer'
STEP="" REMEDY=""

# --- telling -----------------------------------------------------------------------------------------------------

say() { printf '%s\n' "$*"; }

step() { # TITLE, and what to do if it fails
    STEP=$1 REMEDY=$2
    say "-----> $STEP"
}

die() { # WHAT IS WRONG, WHAT TO DO
    printf '\n !     %s\n !     %s\n' "$1" "$2" >&2
    exit 1
}

failed() {
    printf '\n !     This failed: %s\n' "${STEP:-the beginning}" >&2
    if [ -s "$LOG" ]; then
        printf ' !     The last it said (all of it is in %s):\n' "$LOG" >&2
        tail -n 15 "$LOG" | cut -c 1-200 | sed 's/^/ !       /' >&2
    fi
    printf ' !     %s\n !     Then run this script again: it carries on.\n' "$REMEDY" >&2
    exit 1
}

quietly() { "$@" >>"$LOG" 2>&1 </dev/null; }

take_turn() { # what a run that was killed had begun may still be at work: it holds the lock too
    exec 9>"$LOCK"
    flock --nonblock 9 && return
    say "-----> Waiting for another run of this script to end"
    flock --timeout 600 9 || die "Another run of this script does not end." "Look which: ps -ef | grep install.sh"
}

begin() { "$@" 9>&-; } # what is to live on does not hold the lock

# --- what was asked for ------------------------------------------------------------------------------------------

read_options() {
    local option value
    while [ $# -gt 0 ]; do
        case $1 in
        --*=*)
            option=${1%%=*}
            value=${1#*=}
            shift
            set -- "$option" "$value" "$@"
            ;;
        esac
        option=$1
        case $option in
        -h | --help)
            usage
            exit 0
            ;;
        --no-sample)
            WITH_SAMPLE=no
            shift
            continue
            ;;
        --domain | --http-port | --api-port | --ssh-port | --dir | --ca) ;;
        --router | --platform | --table-port | --password) ;;
        *)
            usage >&2
            die "There is no option '$option'." "The options are above."
            ;;
        esac
        [ $# -ge 2 ] || die "$option needs a value." "See: ./install.sh --help"
        value=$2
        shift 2
        case $option in
        --domain) DOMAIN=$value ;;
        --http-port) HTTP_PORT=$value ;;
        --api-port) API_PORT=$value ;;
        --ssh-port) SSH_PORT=$value ;;
        --dir) DIR=$value ;;
        --ca) CERTIFICATES+=("$value") ;;
        --router) ROUTER=$value ;;
        --platform) PLATFORM=$value ;;
        --table-port) TABLE_PORT=$value ;;
        --password) PASSWORD=$value ;;
        esac
        case $option in --dir | --ca) ;; *) GIVEN+=("$option") ;; esac
    done
    if [ -z "$DIR" ]; then
        if is_for_router; then DIR=/var/lib/paas-router; else DIR=/var/lib/paas; fi
    fi
    while [[ $DIR == ?*/ ]]; do DIR=${DIR%/}; done
}

is_for_router() { [ -n "$ROUTER$PLATFORM$PASSWORD" ]; }

check_router_options() {
    local option
    for option in "${GIVEN[@]}"; do
        case $option in
        --router | --platform | --table-port | --password | --http-port) ;;
        *) die "A router has no $option." "See: ./install.sh --help" ;;
        esac
    done
    [[ $ROUTER =~ ^[a-z][a-z0-9-]{0,17}[a-z0-9]$ ]] || die "'$ROUTER' is no router's name." "paas routers:line NAME prints what to type."
    [[ $PLATFORM =~ ^[a-z0-9]{8}$ ]] || die "'$PLATFORM' is no platform's id." "paas routers:line $ROUTER prints what to type."
    if [ "$PASSWORD" = - ]; then IFS= read -r PASSWORD || true; fi
    [[ $PASSWORD =~ ^[0-9a-f]{64}$ ]] || die "That is not the password of a route table." "paas routers:line $ROUTER prints what to type."
    [ "$TABLE_PORT" != "$HTTP_PORT" ] || die "The table's port and the apps' must differ." "See: ./install.sh --help"
}

check_options() {
    local port certificate
    for port in "$HTTP_PORT" "$API_PORT" "$SSH_PORT" "$TABLE_PORT"; do
        if ! [[ $port =~ ^[0-9]{1,5}$ ]] || [ "$port" -lt 1 ] || [ "$port" -gt 65535 ]; then
            die "'$port' is no port." "A port is 1 to 65535."
        fi
    done
    if is_for_router; then
        check_router_options
    elif [ "$HTTP_PORT" = "$API_PORT" ] || [ "$HTTP_PORT" = "$SSH_PORT" ] || [ "$API_PORT" = "$SSH_PORT" ]; then
        die "The three ports must differ." "See: ./install.sh --help"
    fi
    [[ $DOMAIN =~ ^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$ ]] || die "'$DOMAIN' is no domain." "Such as: --domain apps.example.com"
    [[ $DIR =~ ^/[A-Za-z0-9/._+-]+$ ]] || die "'$DIR' cannot be the folder." "A path from /, of letters, digits and /._+-"
    [ "${#DIR}" -le 70 ] || die "The folder's name is too long for the sockets in it." "At most 70 characters."
    for certificate in ${CERTIFICATES[@]+"${CERTIFICATES[@]}"}; do
        grep -q 'BEGIN CERTIFICATE' "$certificate" 2>/dev/null ||
            die "$certificate is no certificate in PEM form." "Name a file that begins with -----BEGIN CERTIFICATE-----"
    done
}

# --- pre-flight: nothing is changed before all of it has passed ---------------------------------------------------

is_router() { [ -f "$DIR/router.toml" ]; }

is_platform() { [ -f "${1:-$DIR}/settings.toml" ] && [ ! -e "${1:-$DIR}/.init" ]; }

has_systemd() { [ -d /run/systemd/system ]; }

engine_answers() { [ -n "$(engine_version)" ]; }

engine_version() {
    local client
    for client in /usr/bin/docker docker; do
        if command -v "$client" >/dev/null; then
            timeout 20 "$client" version --format '{{.Server.Version}}' 2>/dev/null || true
            return
        fi
    done
}

preflight_router() {
    [ "$(id -u)" = 0 ] || die "This needs root." "Type: sudo ./install.sh"
    check_system
    check_disk 1 "$DIR" "$PREFIX"
    check_version haproxy "$OLDEST_HAPROXY" "$(haproxy -v 2>/dev/null)"
    check_unit "$(router_unit_name)" "router run"
    if is_router; then return; fi
    check_port "$HTTP_PORT" --http-port "the apps"
    if [ -d "$DIR" ] && [ -n "$(ls -A "$DIR")" ]; then
        die "$DIR is not empty, and is no router's." "Name another folder: --dir FOLDER"
    fi
}

preflight() {
    local room=10
    if is_platform; then room=2; fi
    [ "$(id -u)" = 0 ] || die "This needs root." "Type: sudo ./install.sh"
    check_system
    check_disk "$room" "$DIR" /var/lib/docker /var/lib/containerd "$PREFIX" # Docker 29 has its images in the third
    check_memory
    check_engine
    check_version haproxy "$OLDEST_HAPROXY" "$(haproxy -v 2>/dev/null)"
    check_version redis-server "$OLDEST_REDIS" "$(redis-server --version 2>/dev/null)"
    check_unit "$(unit_name "$DIR")" run
    if ! is_platform; then
        check_port "$HTTP_PORT" --http-port "the apps"
        check_port "$API_PORT" --api-port "the API"
        check_port "$SSH_PORT" --ssh-port "pushes"
        if [ -d "$DIR" ] && [ ! -e "$DIR/.init" ] && [ -n "$(ls -A "$DIR")" ]; then
            die "$DIR is not empty, and is no platform." "Name another folder: --dir FOLDER"
        fi
    fi
}

check_system() {
    local name=unknown
    if [ -r /etc/os-release ]; then
        # shellcheck source=/dev/null
        name=$(. /etc/os-release && echo "${ID:-?} ${VERSION_ID:-?}")
    fi
    case $name in
    "debian 12" | "debian 13" | "ubuntu 24.04") ;;
    *) die "This system is '$name'." "It works on Debian 12, Debian 13 and Ubuntu 24.04." ;;
    esac
    case $(uname -m) in
    x86_64 | aarch64) ;;
    *) die "This machine is a $(uname -m)." "It works on x86_64 and aarch64." ;;
    esac
    command -v apt-get >/dev/null || die "There is no apt-get." "It comes with Debian and Ubuntu."
}

check_disk() { # GIGABYTES PLACE...
    local place free need=$1
    shift
    for place in "$@"; do
        while [ ! -d "$place" ]; do place=$(dirname "$place"); done
        free=$(df -Pk "$place" | awk 'NR == 2 { print int($4 / 1048576) }')
        if [ "$free" -lt "$need" ]; then
            die "The disk of $place has $free GB free, and $need are needed." "Make room, or name another folder: --dir FOLDER"
        fi
    done
}

check_unit() { # NAME WORDS. /srv/two and /srv-two would have units of one name
    local unit=$1.service
    if [ -e "$UNITS/$unit" ] && ! grep -qxF "ExecStart=/usr/local/bin/paasd $2 $DIR" "$UNITS/$unit"; then
        die "The unit $unit is another folder's." "Name another folder: --dir FOLDER"
    fi
}

check_memory() {
    local megabytes
    megabytes=$(awk '$1 == "MemTotal:" { print int($2 / 1024) }' /proc/meminfo)
    if [ "$megabytes" -lt 900 ]; then
        die "This machine has $megabytes MB of memory, and 1 GB is needed." "Apps need theirs besides."
    fi
}

check_engine() {
    local version feature
    version=$(engine_version)
    if [ -n "$version" ]; then
        if ! is_at_least 20.10 "$version"; then
            die "The Docker engine here is $version, and 20.10 is the oldest that works." \
                "It is not ours to change. Upgrade it, then run this again."
        fi
        return
    fi
    if [ -S /var/run/docker.sock ] && pidof dockerd >/dev/null; then
        command -v docker >/dev/null && die "A Docker engine is here and does not answer." "Look with: docker version"
    fi
    for feature in overlay bridge br_netfilter veth nf_nat; do
        has_feature "$feature" || die "This kernel has no $feature, which containers need." \
            "In a container: give it privileges and /lib/modules of the machine."
    done
    [ -d /sys/fs/cgroup ] || die "There is no /sys/fs/cgroup, which containers need." "Mount it."
}

is_at_least() { [ "$(printf '%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]; } # OLDEST VERSION

check_version() { # PROGRAM OLDEST WHAT-IT-SAYS. What is not here yet comes with the packages.
    local version
    version=$(grep -o -m 1 '[0-9][0-9]*\.[0-9][0-9.]*' <<<"$3" | head -n 1) || return 0
    is_at_least "$2" "$version" || die "The $1 here is $version, and $2 is the oldest that works." \
        "Take it away, and the system's own comes: apt-get install $1"
}

has_feature() {
    grep -qw "$1" /proc/filesystems && return
    [ -d "/sys/module/$1" ] && return
    grep -qs "/$1.ko" "/lib/modules/$(uname -r)/modules.builtin" && return
    command -v modprobe >/dev/null && modprobe -n -q "$1" && return
    # What is built in and has no parameters shows up nowhere. Its trace in the kernel's own table does.
    grep -qs "\b$(feature_symbol "$1")\b" /proc/kallsyms
}

feature_symbol() {
    case $1 in
    overlay) echo ovl_inode_init ;;
    bridge) echo br_add_bridge ;;
    br_netfilter) echo br_nf_pre_routing ;;
    veth) echo veth_newlink ;;
    nf_nat) echo nf_nat_setup_info ;;
    *) echo 'nothing of that name' ;;
    esac
}

check_port() { # PORT OPTION FOR-WHAT
    local hex
    hex=$(printf ':%04X' "$1")
    if cat /proc/net/tcp /proc/net/tcp6 2>/dev/null |
        awk -v port="$hex" '$4 == "0A" && substr($2, length($2) - 4) == port { found = 1 } END { exit !found }'; then
        die "Port $1, which $3 would need, is in use by something else." "End that, or choose another: $2 N"
    fi
}

# --- packages ----------------------------------------------------------------------------------------------------

install_packages() {
    step "Packages" "Look whether apt-get works: apt-get update"
    local missing=() package
    need() { command -v "$1" >/dev/null || missing+=("$2"); }
    need haproxy haproxy
    need setpriv util-linux
    if ! is_for_router; then
        need redis-server redis-server
        need sshd openssh-server
        need ssh openssh-client
        need git git
        need debootstrap debootstrap
        need iptables iptables
        need docker-registry docker-registry
        [ -f /usr/share/keyrings/debian-archive-keyring.gpg ] || missing+=(debian-archive-keyring)
    fi
    [ -x "$PYTHON" ] || missing+=(python3)
    [ -f /etc/ssl/certs/ca-certificates.crt ] || missing+=(ca-certificates)
    "$PYTHON" -c 'import ensurepip' 2>/dev/null || missing+=(python3-venv)
    if is_for_router; then
        : # needs no engine
    elif engine_answers && ! dpkg --status docker.io >/dev/null 2>&1; then # its packages are left as they are
        has_buildkit || die "The docker program of the engine that runs here cannot build with BuildKit." \
            "Install its buildx plug-in (docker-buildx-plugin or docker-buildx), and run this again."
    else
        # Where a run was cut the engine may be there and its client not.
        { command -v dockerd >/dev/null && has_buildkit; } || missing+=(docker.io)
    fi
    if [ ${#missing[@]} -eq 0 ]; then
        disable_services
        say "       all there"
        return
    fi

    export DEBIAN_FRONTEND=noninteractive
    wait_for_dpkg
    quietly dpkg --configure -a
    quietly apt-get update -o DPkg::Lock::Timeout=300
    if [[ " ${missing[*]} " == *" docker.io "* ]]; then # newer systems have taken these out of it
        for package in docker-cli docker-buildx; do
            if has_candidate "$package"; then missing+=("$package"); fi
        done
    fi
    leave_registry_out
    check_candidates "${missing[@]}"
    mkdir -p "$PREFIX"
    for package in redis-server haproxy openssh-server docker-registry; do
        [[ " ${missing[*]} " != *" $package "* ]] || echo "$package" >>"$UNWANTED"
    done
    say "       ${missing[*]}"
    forbid_services
    quietly apt-get install -y --no-install-recommends --no-upgrade -o DPkg::Lock::Timeout=300 \
        -o Dpkg::Options::=--force-confold "${missing[@]}"
    allow_services
    disable_services
}

leave_registry_out() { # where there is none; only hosts on other machines need it
    local package kept=()
    if [[ " ${missing[*]} " != *" docker-registry "* ]] || has_candidate docker-registry; then return; fi
    for package in "${missing[@]}"; do
        [ "$package" = docker-registry ] || kept+=("$package")
    done
    missing=("${kept[@]}")
    say "       without docker-registry, which apt-get does not know: hosts on other machines cannot be added"
}

wait_for_dpkg() { # an upgrade of the system by itself, or what a cut run had begun
    local lock=/var/lib/dpkg/lock-frontend left=300
    while [ -e "$lock" ] && grep -qs ":$(stat -c %i "$lock") " /proc/locks && [ "$left" -gt 0 ]; do
        left=$((left - 1))
        sleep 1
    done
}

has_candidate() { [[ $(apt-cache policy "$1" 2>/dev/null) == *'Candidate: '[!\(]* ]]; }

check_candidates() {
    local package none=()
    for package in "$@"; do
        has_candidate "$package" || none+=("$package")
    done
    [ ${#none[@]} -eq 0 ] || die "apt-get knows no package ${none[*]}." \
        "Look at /etc/apt/sources.list.d (Ubuntu has some of them in 'universe'), then run this again."
}

has_buildkit() { # the client's own, or as its plug-in
    local client=docker
    if [ -x /usr/bin/docker ]; then client=/usr/bin/docker; fi
    [[ $(DOCKER_BUILDKIT=1 timeout 20 "$client" build --help 2>/dev/null) == *--secret* ]]
}

forbid_services() {
    # What Debian starts by itself would take our ports, and is not needed. An engine may start.
    [ -e "$POLICY" ] && return
    # shellcheck disable=SC2016 # the $1 is that script's own
    printf '#!/bin/sh\n# %s\ncase $1 in redis*|haproxy*|ssh*|docker-registry*) exit 101 ;; esac\nexit 0\n' "$POLICY_MARK" >"$POLICY"
    chmod 755 "$POLICY"
}

allow_services() {
    if grep -qs "$POLICY_MARK" "$POLICY"; then rm -f "$POLICY"; fi
}

disable_services() { # only those that came with an installation of ours
    local package service
    [ -e "$UNWANTED" ] || return 0
    for package in $(sort -u "$UNWANTED"); do
        for service in "${package/openssh-server/ssh}" "${package/openssh-server/ssh.socket}"; do
            if has_systemd; then
                systemctl disable "$service" >>"$LOG" 2>&1 || true
            elif [[ $service != *.socket ]] && command -v update-rc.d >/dev/null; then
                update-rc.d "$service" disable >>"$LOG" 2>&1 || true
            fi
        done
    done
    rm -f "$UNWANTED"
}

# --- the engine --------------------------------------------------------------------------------------------------

start_engine() {
    step "Docker engine" "Look what it says: docker version; journalctl -u docker, or /var/log/paas-dockerd.log"
    if ! engine_answers; then
        if has_systemd; then
            quietly systemctl enable --now docker
        else
            begin quietly service docker start || true
            wait_for_engine 10 || start_engine_itself
        fi
        wait_for_engine 60 || { say "no engine answers" >>"$LOG"; false; }
    fi
    say "       $(engine_version) answers"
}

start_engine_itself() { # where there is no init
    if ! pidof dockerd >/dev/null; then
        begin setsid dockerd >>/var/log/paas-dockerd.log 2>&1 </dev/null &
    fi
}

wait_for_engine() { # SECONDS
    local left=$1
    until engine_answers; do
        [ "$left" -gt 0 ] || return 1
        left=$((left - 1))
        sleep 1
    done
}

# --- users, the program, the stack -------------------------------------------------------------------------------

make_user() { # NAME
    if ! id "$1" >/dev/null 2>&1; then
        quietly useradd --system --user-group --home-dir "$DIR" --no-create-home --shell /usr/sbin/nologin "$1"
    fi
}

make_users() {
    step "Users" "Look at /etc/passwd: paas, paas-git and paas-router are to be system users."
    local group
    for name in paas paas-git paas-router; do make_user "$name"; done
    quietly usermod --shell /bin/sh paas-git # it runs what the door was told to
    group=$(stat -c %G /var/run/docker.sock)
    if [ "$group" = root ] || [ "$group" = UNKNOWN ]; then
        die "The engine's socket belongs to the group $group, so only root may use it." \
            "Give it a group of its own (dockerd --group docker), then run this again."
    fi
    quietly usermod --append --groups "$group" paas
    say "       paas, paas-git, paas-router"
}

install_program() {
    local version digest release
    step "The program" "Look whether this machine reaches the Python package index: pip download click"
    version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$SOURCE/pyproject.toml" | head -n 1)
    digest=$(cd "$SOURCE" && program_files | xargs -0 sha256sum | sha256sum | cut -c 1-10)
    release=$PREFIX/releases/$version-$digest
    if [ ! -e "$release/.complete" ]; then
        rm -rf "$release"
        mkdir -p "$release"
        (cd "$SOURCE" && program_files | tar -c --null -T - --owner=0 --group=0 --mode=u=rwX,go=rX) | tar -x -C "$release"
        quietly "$PYTHON" -m venv "$release/venv"
        if [ -z "${PIP_CERT:-}" ]; then
            export PIP_CERT=/etc/ssl/certs/ca-certificates.crt
        fi
        quietly "$release/venv/bin/python" -m pip install --disable-pip-version-check --no-input "${release}[server]"
        rm -rf "$release/build" "$release"/*.egg-info
        touch "$release/.complete"
    fi
    { if is_platform; then echo "$DIR"; fi; other_platforms; } | while read -r folder; do
        quietly "$release/venv/bin/python" -I -m paas.serve upgrade --check "$folder"
    done
    ln -sfn "$release" "$PREFIX/next"
    mv -T "$PREFIX/next" "$PREFIX/current"
    # Not the console script: its first line names the release, and what paasd starts is to go with `current`.
    printf '#!/bin/sh\nexec %s/current/venv/bin/python -I -m paas.serve "$@"\n' "$PREFIX" >"$PREFIX/paasd"
    chmod 755 "$PREFIX/paasd"
    ln -sf "$PREFIX/paasd" /usr/local/bin/paasd
    ln -sf "$PREFIX/current/venv/bin/paas" /usr/local/bin/paas
    say "       $version-$digest, in $release"
}

program_files() { # NUL-separated
    find paas router buildpacks pyproject.toml README.md tests/apps/python-web -type f \
        ! -path '*/__pycache__/*' ! -name '*.pyc' -print0 | sort -z
}

forget_old_programs() { # this one and the one before stay
    local current
    current=$(readlink -f "$PREFIX/current")
    find "$PREFIX/releases" -mindepth 1 -maxdepth 1 -type d ! -path "$current" -printf '%T@ %p\n' |
        sort -rn | tail -n +2 | cut -d ' ' -f 2- | while read -r release; do rm -rf "$release"; done
}

build_stack() {
    step "The stack: build image and run images (two minutes, the first time)" \
        "Look whether this machine reaches a Debian mirror."
    local certificate
    mkdir -p "$PREFIX/certificates" # kept: the next run, and every upgrade, trusts them too
    for certificate in ${CERTIFICATES[@]+"${CERTIFICATES[@]}"}; do
        quietly install -m 644 "$certificate" "$PREFIX/certificates/$(basename "$certificate")"
    done
    "$PREFIX/current/venv/bin/python" -I - "$PREFIX/current/buildpacks/stack" "$SUITE" \
        "$PREFIX/certificates" 2>>"$LOG" <<'PYTHON'
import sys
from pathlib import Path

from paas.builds.stack import StackFailed, ensure_stack

certificates = sorted(Path("/usr/local/share/ca-certificates").rglob("*.crt"))
certificates += sorted(path for path in Path(sys.argv[3]).iterdir() if path.is_file())
try:
    made = ensure_stack(
        Path(sys.argv[1]), sys.argv[2], certificates, lambda text: print(f"       {text}", flush=True)
    )
except StackFailed as error:
    sys.exit(str(error))
print(f"       {made.run}")
PYTHON
}

# --- the platform ------------------------------------------------------------------------------------------------

make_platform() {
    if is_platform; then
        if [ ${#GIVEN[@]} -gt 0 ]; then
            say "       $DIR is there already and keeps its settings: ${GIVEN[*]} changes nothing."
            say "       They are in $DIR/settings.toml; after a change: paasd upgrade $DIR"
        fi
        return
    fi
    step "The platform's folder" "Look at $DIR: it is to be empty, or not there."
    quietly paasd init "$DIR" --domain "$DOMAIN" --http-port "$HTTP_PORT" --api-port "$API_PORT" \
        --ssh-port "$SSH_PORT" --web-user paas --git-user paas-git --router-user paas-router \
        --buildpacks "$PREFIX/current/buildpacks" --ssh-host "$(ssh_host)"
    say "       $DIR"
}

ssh_host() { if [ "$DOMAIN" = localhost ]; then echo localhost; else echo "$DOMAIN"; fi; }

unit_name() { if [ "$1" = /var/lib/paas ]; then echo paas; else echo "paas$(tr '/+' '-' <<<"$1")"; fi; } # FOLDER

filter_unit_name() { echo "paas_filter${1#paas}"; } # UNIT. No folder gives a unit of that name: after paas comes a dash

write_units() { # FOLDER
    local unit filter
    unit=$(unit_name "$1")
    filter=$(filter_unit_name "$unit")
    # `systemctl stop` leaves HAProxy and the apps as they are: `paasd stop` is what ends HAProxy too. With --keep-router
    # the supervisor ends by SIGUSR1. Where it has ended already there is nothing to stop, and what somebody may have
    # started since is left alone.
    cat >"$UNITS/$unit.service" <<UNIT
[Unit]
Description=paas: git push, and the app is served ($1)
After=network-online.target docker.service
Wants=network-online.target
RequiresMountsFor=$1
StartLimitIntervalSec=0

[Service]
ExecStart=/usr/local/bin/paasd run $1
ExecStop=/bin/sh -c '[ -z "\$\$MAINPID" ] || exec /usr/local/bin/paasd stop --keep-router $1'
SuccessExitStatus=SIGUSR1
Restart=on-failure
RestartSec=2
KillMode=process
OOMPolicy=continue
LimitNOFILE=1048576
TimeoutStopSec=90

[Install]
WantedBy=multi-user.target
UNIT
    cat >"$UNITS/$filter.service" <<UNIT
[Unit]
Description=paas: what apps may not reach, before the engine starts them ($1)
After=nftables.service netfilter-persistent.service ufw.service firewalld.service
Before=docker.service
RequiresMountsFor=$1

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/bin/paasd filter $1

[Install]
WantedBy=multi-user.target
UNIT
    quietly systemctl daemon-reload
    if [ "$1" = "$DIR" ] || systemctl is-enabled --quiet "$unit"; then # another one may be switched off
        quietly systemctl enable "$unit" "$filter"
        quietly systemctl start "$filter"
    fi
}

start_platform() {
    step "Start" "Look: paasd status $DIR, and the logs in $DIR/run/log"
    if has_systemd; then write_units "$DIR"; fi
    if runs "$DIR"; then
        bring_up_to_date "$DIR"
    elif has_systemd; then
        quietly systemctl restart "$(unit_name "$DIR")"
    else
        begin quietly paasd start "$DIR"
    fi
    quietly paasd status "$DIR" --wait
    say "       every program runs"
    grep -qsxF "$DIR" "$PLATFORMS" || echo "$DIR" >>"$PLATFORMS"
    other_platforms | while read -r folder; do
        if has_systemd; then write_units "$folder"; fi
        bring_up_to_date "$folder"
    done
    bring_routers_up_to_date
}

# --- a router for a platform elsewhere ----------------------------------------------------------------------------

router_unit_name() { if [ "$DIR" = /var/lib/paas-router ]; then echo paas-router; else unit_name "$DIR"; fi; }

write_router_unit() {
    local unit
    unit=$(router_unit_name)
    cat >"$UNITS/$unit.service" <<UNIT
[Unit]
Description=paas: a router ($DIR)
After=network-online.target
Wants=network-online.target
RequiresMountsFor=$DIR
StartLimitIntervalSec=0

[Service]
ExecStart=/usr/local/bin/paasd router run $DIR
ExecStop=/bin/sh -c '[ -z "\$\$MAINPID" ] || exec /usr/local/bin/paasd router stop --keep-router $DIR'
SuccessExitStatus=SIGUSR1
Restart=on-failure
RestartSec=2
KillMode=process
OOMPolicy=continue
LimitNOFILE=1048576
TimeoutStopSec=90

[Install]
WantedBy=multi-user.target
UNIT
    quietly systemctl daemon-reload
    quietly systemctl enable "$unit"
}

make_router() {
    step "The router's folder" "Look at $DIR: it is to be empty, not there, or of this router."
    make_user paas-router
    paasd router init "$DIR" --name "$ROUTER" --platform "$PLATFORM" --table-port "$TABLE_PORT" \
        --http-port "$HTTP_PORT" --router-user paas-router <<<"$PASSWORD" >>"$LOG" 2>&1
    say "       $DIR"
}

start_router() {
    step "Start" "Look: paasd router status $DIR, and the logs in $DIR/run/log"
    if has_systemd; then write_router_unit; fi
    if has_systemd && ! runs "$DIR"; then
        quietly systemctl restart "$(router_unit_name)"
    else
        begin quietly paasd router start "$DIR"
    fi
    grep -qsxF "$DIR" "$ROUTERS" || echo "$DIR" >>"$ROUTERS"
    STEP="The router is there, and not all is well" REMEDY="What is red above says what to do."
    paasd router status "$DIR" --wait | tee -a "$LOG" | sed 's/^/       /'
}

bring_routers_up_to_date() { # those of this machine that run
    local folder
    [ -e "$ROUTERS" ] || return 0
    while read -r folder; do
        if [ "$folder" = "$DIR" ] || [ ! -f "$folder/router.toml" ] || ! runs "$folder"; then continue; fi
        say "       and the router in $folder, which runs this program too"
        begin quietly paasd router start "$folder"
    done <"$ROUTERS"
}

install_router() {
    install_packages
    install_program
    make_router
    start_router
    other_platforms | while read -r folder; do bring_up_to_date "$folder"; done
    bring_routers_up_to_date
    forget_old_programs
    say ""
    say "The router $ROUTER serves on port $HTTP_PORT. It counts from its first word on: paas routers"
    has_systemd || say "There is no init here that would start it: after a reboot, paasd router start $DIR"
}

# --- starting -----------------------------------------------------------------------------------------------------

runs() { [ -e "$1/run/lock" ] && ! flock --nonblock "$1/run/lock" true; } # its supervisor holds it

bring_up_to_date() { # FOLDER. One that does not run has its record migrated.
    [ "$(cat "$1/run/program" 2>/dev/null)" = "$(readlink -f "$PREFIX/current")/venv" ] && return
    [ "$1" = "$DIR" ] || say "       and $1, which runs this program too"
    begin paasd upgrade "$1" </dev/null | sed 's/^/       /'
}

other_platforms() { # of this machine, of those that an installer made
    local folder
    [ -e "$PLATFORMS" ] || return 0
    while read -r folder; do
        if [ "$folder" != "$DIR" ] && is_platform "$folder"; then echo "$folder"; fi
    done <"$PLATFORMS"
}

let_people_in() {
    step "You" "Look: paasd status $DIR"
    PERSON=${SUDO_USER:-root}
    getent passwd "$PERSON" >/dev/null || PERSON=root
    quietly paasd person "$DIR" "$PERSON" --admin --login "$PERSON"
    if [ "$PERSON" != root ]; then
        quietly paasd person "$DIR" "$PERSON" --admin --login root
    fi
    say "       $PERSON: key, token and the door's host key are in place"
}

# --- the sample: the main job on real input -----------------------------------------------------------------------

as_person() { # a command, as whoever typed sudo, in a home of their own
    runuser -u "$PERSON" -- env "HOME=$(getent passwd "$PERSON" | cut -d : -f 6)" \
        GIT_SSH_COMMAND="ssh -o BatchMode=yes" "$@"
}

push_sample() {
    step "The sample app, pushed with git over SSH" "Look: paas doctor, and paas logs -a sample"
    local folder code=0
    folder=$(mktemp -d)
    cp -r "$PREFIX/current/tests/apps/python-web" "$folder/sample"
    chown -R "$PERSON" "$folder"
    (cd "$folder/sample" && commit_sample && create_sample && as_person git push --force paas main 2>&1 | tee -a "$LOG") ||
        code=$?
    rm -rf "$folder"
    [ "$code" = 0 ] || return "$code"
    answers sample | sed 's/^/       it /'
}

commit_sample() { # the same commit each time, so that it is built once
    local git=(git -c user.name=paas -c user.email=paas@localhost)
    as_person "${git[@]}" init --quiet --initial-branch main &&
        as_person "${git[@]}" add . &&
        as_person env GIT_AUTHOR_DATE=2026-01-01T00:00:00Z GIT_COMMITTER_DATE=2026-01-01T00:00:00Z \
            "${git[@]}" commit --quiet --message "The sample app"
}

create_sample() {
    if as_person paas info -a sample >>"$LOG" 2>&1; then
        as_person paas git:remote -a sample >>"$LOG" 2>&1
    else
        as_person paas create sample >>"$LOG" 2>&1
    fi
}

answers() { # APP: waits until it does
    "$PYTHON" -I - "$1" "$(setting apps_domain)" "$(setting http_port)" <<'PYTHON'
import sys
import time
import urllib.request

app, domain, port = sys.argv[1:]
asked = urllib.request.Request(f"http://127.0.0.1:{port}/", headers={"Host": f"{app}.{domain}"})
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
for attempt in range(50):
    try:
        with opener.open(asked, timeout=10) as answer:
            print(f"answers with {answer.status} ({len(answer.read())} bytes)")
            break
    except OSError as error:
        why = error
        time.sleep(0.2)
else:
    sys.exit(f"{app} does not answer: {why}")
PYTHON
}

setting() { sed -n "s/^$1 = \"\{0,1\}\([^\"]*\)\"\{0,1\}\$/\1/p" "$DIR/settings.toml"; }

farewell() {
    local domain port url
    domain=$(setting apps_domain) port=$(setting http_port)
    url=$domain
    if [ "$port" != 80 ]; then url=$domain:$port; fi
    say ""
    if [ "$WITH_SAMPLE" = yes ]; then
        say "http://sample.$url/ is served."
    else
        say "The platform runs. Apps will answer at http://NAME.$url/"
    fi
    if [ "$domain" = localhost ]; then
        say "Browsers and curl find *.localhost by themselves. Tell other programs: http://127.0.0.1:$port/ with the"
        say "header 'Host: NAME.localhost'."
    else
        say "Point $domain and *.$domain at this machine, if that is not done yet."
    fi
    say ""
    say "Next, in a git repository of yours:"
    say "    paas create my-app && git push paas main"
    if ! has_systemd; then
        say ""
        say "There is no init here that would start it: after a reboot, type this script again, or: paasd start $DIR"
    fi
}

main() {
    read_options "$@"
    check_options
    if is_for_router; then preflight_router; else preflight; fi
    take_turn
    : >"$LOG"
    chmod 600 "$LOG"
    trap failed ERR
    trap allow_services EXIT
    set -E
    if is_for_router; then
        install_router
        return
    fi
    install_packages
    start_engine
    make_users
    install_program
    build_stack
    make_platform
    start_platform
    let_people_in
    if [ "$WITH_SAMPLE" = yes ]; then push_sample; fi
    forget_old_programs
    farewell
}

main "$@"
