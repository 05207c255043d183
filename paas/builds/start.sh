#!/bin/bash
# paas-start COMMAND: a shell's line, in /app, after the scripts that the buildpack left for every start.
cd /app || exit
for paas_file in .profile.d/*.sh; do
    [ -f "$paas_file" ] && . "./$paas_file"
done
[ -f .profile ] && . ./.profile
unset paas_file
exec /bin/bash -c "$@"
