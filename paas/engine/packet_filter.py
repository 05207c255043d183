"""What containers may not reach, as rules of the host's packet filter.

The rules are put there through the engine, by a short-lived container in the host's network that may change it and
nothing else. The script is constant; what differs comes as its arguments.

An app's container (interface `pb-ID`) and a step of a Dockerfile build (interface `docker0`) reach the outside and
name servers. They do not reach the host itself, but for the router's ports; nor each other, other platforms'
containers and 169.254.0.0/16. Chains are rebuilt in one go, so that no moment is without them. Those for builds are one
per engine: each platform has one rule in them, under its name; they go with the last.
"""

from collections.abc import Sequence

from paas.engine.body import bridge_name

SCRIPT = """
set -eu
verb=$1 platform=$2 bridge=$3 ports=$4
own=PAAS-$platform builds=PAAS-BUILDS mark=paas-$platform

tables=iptables-nft forward=FORWARD
for candidate in iptables-nft iptables-legacy; do
    if "$candidate" -w 10 -n -L DOCKER-USER >/dev/null 2>&1; then
        tables=$candidate forward=DOCKER-USER
        break
    fi
done

rule() { "$tables" -w 10 "$@"; }
load() { "$tables-restore" -w 10 --noflush; }
hook() { rule -C "$@" 2>/dev/null || rule -I "$@"; }
unhook() { while rule -C "$@" 2>/dev/null; do rule -D "$@"; done; }
drop() { for chain in "$@"; do rule -F "$chain" 2>/dev/null && rule -X "$chain" || true; done; }

others=$(rule -S "$builds-IN" 2>/dev/null | grep -e '--comment paas-' | grep -v -e "--comment $mark ") || true

if [ "$verb" = remove ]; then
    unhook INPUT -i "$bridge" -j "$own-IN"
    unhook "$forward" -i "$bridge" -j "$own-FWD"
    drop "$own-IN" "$own-FWD"
    if [ -z "$others" ]; then
        unhook INPUT -i docker0 -j "$builds-IN"
        unhook "$forward" -i docker0 -j "$builds-FWD"
        drop "$builds-IN" "$builds-FWD"
        exit 0
    fi
    mine=
else
    mine="-A $builds-IN -s 255.255.255.255/32 -p tcp -m comment --comment $mark -j RETURN"
    if [ -n "$ports" ]; then
        mine="-A $builds-IN -p tcp -m multiport --dports $ports -m comment --comment $mark -j RETURN"
    fi
    load <<RULES
*filter
:$own-IN - [0:0]
:$own-FWD - [0:0]
-A $own-IN -m conntrack --ctstate ESTABLISHED,RELATED -j RETURN
-A $own-IN -p udp --dport 53 -j RETURN
-A $own-IN -p tcp --dport 53 -j RETURN
${ports:+-A $own-IN -p tcp -m multiport --dports $ports -j RETURN}
-A $own-IN -j REJECT
-A $own-FWD -d 169.254.0.0/16 -j REJECT
-A $own-FWD -o pb-+ -j REJECT
-A $own-FWD -o docker0 -j REJECT
COMMIT
RULES
fi

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
-A $builds-FWD -d 169.254.0.0/16 -j REJECT
-A $builds-FWD -o pb-+ -j REJECT
-A $builds-FWD -o docker0 -j REJECT
COMMIT
RULES

if [ "$verb" = apply ]; then
    hook INPUT -i "$bridge" -j "$own-IN"
    hook "$forward" -i "$bridge" -j "$own-FWD"
    hook INPUT -i docker0 -j "$builds-IN"
    hook "$forward" -i docker0 -j "$builds-FWD"
fi
"""


def apply_arguments(platform: str, open_ports: Sequence[int]) -> list[str]:
    return _arguments("apply", platform, open_ports)


def remove_arguments(platform: str) -> list[str]:
    return _arguments("remove", platform, ())


def _arguments(verb: str, platform: str, open_ports: Sequence[int]) -> list[str]:
    ports = ",".join(str(port) for port in open_ports)
    return ["/bin/sh", "-c", SCRIPT, "packet-filter", verb, platform, bridge_name(platform), ports]
