"""What the programs of a platform are called: in the supervisor, and in `run/pids` and `run/log`."""

REDIS, SSHD, HAPROXY, FOLLOWER, WEB, WATCH = "redis", "sshd", "haproxy", "follower", "web", "watch"
