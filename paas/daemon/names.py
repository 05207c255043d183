"""What the programs of a platform are called: in the supervisor, and in `run/pids` and `run/log`."""

REDIS, SSHD, DOOR, HAPROXY, FOLLOWER = "redis", "sshd", "door", "haproxy", "follower"
WEB, WATCH, WORKERS = "web", "watch", "workers"
