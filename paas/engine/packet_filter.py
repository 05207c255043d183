"""What containers may not reach, as rules of the host's packet filter.

The rules are put there through the engine, by a container in the host's network that may change it and nothing else.
The script is constant; what differs comes as its arguments.

An app's container (interface `pb-ID`) and a step of a Dockerfile build (interface `docker0`) reach the outside and
name servers. They do not reach the host itself, but for the ports of a router that is on it; nor each other, other
platforms' containers and 169.254.0.0/16; nor the platform's hosts elsewhere; nor the machines of routers, but for those
ports and a name server. Chains are rebuilt in one go, so that no moment is without them. Those for builds are one per
engine: each platform has its rules in them, under its name; they go with the last.

The platform's network has no IPv6, and the engine gives its containers none. Should one have it all the same, it
reaches nothing by it; a step of a build does not reach the host.

What a host publishes the addresses of routers on other machines reach, and no others; a router on the host itself needs
no rule. On a host elsewhere nothing is built, and what others run on `docker0` is left alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from paas.engine.body import bridge_name

GUARD_SECONDS = 15
"""How long rules that somebody took away are missing at most, give or take a second."""
SCRIPT = """
set -eu
verb=$1 platform=$2 bridge=$3 ports=$4 routers=$5 hosts=$6 open=$7 builds_here=$8 pause=${9:-}
own=PAAS-$platform builds=PAAS-BUILDS mark=paas-$platform

rule() { "$tables" -w 10 "$@"; }
load() { "$tables-restore" -w 10 --noflush; }
hook() { rule -C "$@" 2>/dev/null || rule -I "$@"; }
unhook() { while rule -C "$@" 2>/dev/null; do rule -D "$@"; done; }
drop() { for chain in "$@"; do rule -F "$chain" 2>/dev/null && rule -X "$chain" || true; done; }

# The tables that the engine uses; who flushes FORWARD takes the way into the engine's own chain with it.
choose() {
    tables=$1-nft forwards=FORWARD
    for candidate in "$1-nft" "$1-legacy"; do
        if "$candidate" -w 10 -n -L DOCKER-USER >/dev/null 2>&1; then
            tables=$candidate forwards=DOCKER-USER
            rule -C FORWARD -j DOCKER-USER 2>/dev/null || forwards="DOCKER-USER FORWARD"
            break
        fi
    done
}

has_builds() { [ -n "$builds_here" ]; }

hook_all() {
    hook INPUT -i "$bridge" -j "$own-IN"
    if has_builds; then hook INPUT -i docker0 -j "$builds-IN"; fi
    for forward in $forwards; do
        hook "$forward" -i "$bridge" -j "$own-FWD"
        if has_builds; then hook "$forward" -i docker0 -j "$builds-FWD"; fi
    done
}

# Answers to a router are no new connections, should it be on a host of ours.
refuse_hosts() {
    for host in $hosts; do
        echo "-A $1 -d $host -m conntrack --ctstate NEW${2:+ -m comment --comment $2} -j REJECT"
    done
}

admit_routers() {
    echo ":$own-TO - [0:0]"
    echo "-A $own-TO -m conntrack --ctstate ESTABLISHED,RELATED -j RETURN"
    for router in $routers; do echo "-A $own-TO -s $router -j RETURN"; done
    echo "-A $own-TO -j REJECT"
}

# The machine of a router is the router's ports, and its name server.
refuse_routers() {
    for router in $routers; do
        as="${2:+-m comment --comment $2} -j"
        echo "-A $1 -d $router -p udp --dport 53 $as RETURN"
        echo "-A $1 -d $router -p tcp -m multiport --dports 53${ports:+,$ports} $as RETURN"
        echo "-A $1 -d $router -m conntrack --ctstate NEW $as REJECT"
    done
}

load_builds() {
    load <<RULES
*filter
:$builds-IN - [0:0]
:$builds-FWD - [0:0]
-A $builds-IN -m conntrack --ctstate ESTABLISHED,RELATED -j RETURN
-A $builds-IN -p udp --dport 53 -j RETURN
-A $builds-IN -p tcp --dport 53 -j RETURN
$others
$mine
-A $builds-IN -j REJECT
$others_forward
$mine_forward
-A $builds-FWD -d 169.254.0.0/16 -j REJECT
-A $builds-FWD -o pb-+ -j REJECT
-A $builds-FWD -o docker0 -j REJECT
COMMIT
RULES
}

look_for_others() {
    others=$(marked_rules "$builds-IN" | grep -v -e "--comment $mark ") || true
    others_forward=$(marked_rules "$builds-FWD" | grep -v -e "--comment $mark ") || true
}

marked_rules() { rule -S "$1" 2>/dev/null | grep -e '--comment paas-'; }

apply() {
    choose iptables
    look_for_others
    mine="-A $builds-IN -s 255.255.255.255/32 -p tcp -m comment --comment $mark -j RETURN"
    if [ -n "$open" ]; then
        mine="-A $builds-IN -p tcp -m multiport --dports $open -m comment --comment $mark -j RETURN"
    fi
    mine_forward=$(refuse_routers "$builds-FWD" "$mark"; refuse_hosts "$builds-FWD" "$mark")
    load <<RULES
*filter
:$own-IN - [0:0]
:$own-FWD - [0:0]
$(admit_routers)
-A $own-IN -m conntrack --ctstate ESTABLISHED,RELATED -j RETURN
-A $own-IN -p udp --dport 53 -j RETURN
-A $own-IN -p tcp --dport 53 -j RETURN
${open:+-A $own-IN -p tcp -m multiport --dports $open -j RETURN}
-A $own-IN -j REJECT
$(refuse_routers "$own-FWD")
$(refuse_hosts "$own-FWD")
-A $own-FWD -d 169.254.0.0/16 -j REJECT
-A $own-FWD -o pb-+ -j REJECT
-A $own-FWD -o docker0 -j REJECT
COMMIT
RULES
    if has_builds; then load_builds; fi
    hook_all
    for forward in $forwards; do hook "$forward" -o "$bridge" -j "$own-TO"; done

    choose ip6tables
    rule -n -L INPUT >/dev/null 2>&1 || return 0
    load <<RULES
*filter
:$own-IN - [0:0]
:$own-FWD - [0:0]
-A $own-IN -p ipv6-icmp -j RETURN
-A $own-IN -j REJECT
-A $own-FWD -j REJECT
COMMIT
RULES
    if has_builds; then load_builds_6; fi
    hook_all
}

load_builds_6() {
    load <<RULES
*filter
:$builds-IN - [0:0]
:$builds-FWD - [0:0]
-A $builds-IN -m conntrack --ctstate ESTABLISHED,RELATED -j RETURN
-A $builds-IN -p ipv6-icmp -j RETURN
-A $builds-IN -p udp --dport 53 -j RETURN
-A $builds-IN -p tcp --dport 53 -j RETURN
-A $builds-IN -j REJECT
-A $builds-FWD -o pb-+ -j REJECT
-A $builds-FWD -o docker0 -j REJECT
COMMIT
RULES
}

remove() {
    choose iptables
    look_for_others
    for family in iptables ip6tables; do
        choose "$family"
        rule -n -L INPUT >/dev/null 2>&1 || continue
        unhook INPUT -i "$bridge" -j "$own-IN"
        for forward in FORWARD DOCKER-USER; do
            unhook "$forward" -i "$bridge" -j "$own-FWD"
            unhook "$forward" -o "$bridge" -j "$own-TO"
        done
        drop "$own-IN" "$own-FWD" "$own-TO"
        if [ -z "$others" ]; then
            unhook INPUT -i docker0 -j "$builds-IN"
            for forward in FORWARD DOCKER-USER; do
                unhook "$forward" -i docker0 -j "$builds-FWD"
            done
            drop "$builds-IN" "$builds-FWD"
        elif [ "$family" = iptables ]; then
            mine='' mine_forward=''
            load_builds
        fi
    done
}

# Sorted: the platforms that share a chain need not agree about an order.
see() {
    for tool in $seen_by; do
        "$tool" -w 10 -S 2>/dev/null | grep -e "$own" -e "$builds" -e "FORWARD -j DOCKER-USER" | sort
    done
}

# Two platforms that write the shared chain at once may lose the one's rule before either has seen it.
marked() {
    has_builds || return 0
    "${seen_by%% *}" -w 10 -S "$builds-IN" 2>/dev/null | grep -q -e "--comment $mark "
}

case $verb in
apply) apply ;;
remove) remove ;;
guard)
    while :; do
        choose iptables
        seen_by=$tables
        choose ip6tables
        seen_by="$seen_by $tables"
        apply
        seen=$(see)
        apply  # what was damaged before it was seen is not taken for right
        while [ "$(see)" = "$seen" ] && marked; do sleep "$pause"; done
    done
    ;;
esac
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What of a platform the rules of one of its hosts name."""

    open_ports: Sequence[int] = ()
    """TCP ports of a router, which containers may reach."""
    routers: Sequence[str] = ()
    """The addresses of the routers on other machines: these reach what the host publishes."""
    hosts: Sequence[str] = ()
    """The addresses of all hosts elsewhere."""
    has_router: bool = False
    """There is a router on this machine too."""
    has_builds: bool = False
    """It is the platform's own machine, where apps are built."""


def apply_arguments(platform: str, around: Surroundings) -> list[str]:
    """Puts the rules there, and ends."""
    return _arguments("apply", platform, around)


def guard_arguments(platform: str, around: Surroundings) -> list[str]:
    """Puts the rules there, looks every GUARD_SECONDS whether they still are, and does not end."""
    return [*_arguments("guard", platform, around), str(GUARD_SECONDS)]


def remove_arguments(platform: str) -> list[str]:
    return _arguments("remove", platform, Surroundings())


def _arguments(verb: str, platform: str, around: Surroundings) -> list[str]:
    ports = ",".join(str(port) for port in around.open_ports)
    lists = [" ".join(sorted(around.routers)), " ".join(sorted(around.hosts))]
    here = [ports if around.has_router else "", "yes" if around.has_builds else ""]
    script = ["/bin/sh", "-c", SCRIPT, "packet-filter"]
    return [*script, verb, platform, bridge_name(platform), ports, *lists, *here]
