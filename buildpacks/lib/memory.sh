# The container's memory limit decides how many processes a web server starts: one for each 256 MB, at most eight.
for paas_file in /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes; do
    if [ -r "$paas_file" ] && read -r paas_limit <"$paas_file"; then
        # "max" and v1's huge number (19 digits) mean that there is no limit.
        if [ "$paas_limit" != max ] && [ "${#paas_limit}" -lt 16 ]; then
            paas_limit=$((paas_limit / 1048576))
            export MEMORY_AVAILABLE="${MEMORY_AVAILABLE:-$paas_limit}"
            paas_limit=$((paas_limit / 256))
            if [ "$paas_limit" -lt 1 ]; then paas_limit=1; fi
            if [ "$paas_limit" -gt 8 ]; then paas_limit=8; fi
            export WEB_CONCURRENCY="${WEB_CONCURRENCY:-$paas_limit}"
        fi
        break
    fi
done
unset paas_file paas_limit
