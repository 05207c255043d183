"""Becomes one program of a platform: `python -I -S launch.py PIDFILE LOGFILE ARGV...`

Writes `PID STARTTIME` to PIDFILE, sends output to LOGFILE and execs, so that whoever finds the program later knows it
for ours though its supervisor died. A script by itself: the standard library's smallest part, and gone in 15 ms. What
it names by absolute path was made by whoever runs the platform.
"""

import os
import sys

LOG_LIMIT = 4 << 20


def start_time(pid: str) -> str:
    """In clock ticks since boot: with the pid it names a process for good. Empty: there is none."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:  # noqa: PTH123 - pathlib would double the cost
            return stat.read().rpartition(b")")[2].split()[19].decode()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def keep_predecessor(pid_file: str) -> None:
    """One that lives on, as HAProxy does after a hand-over, is ours still: its note becomes PIDFILE.PID."""
    try:
        with open(pid_file) as file:  # noqa: PTH123
            pid, started = file.read().split()
    except (FileNotFoundError, ValueError):
        return
    if start_time(pid) == started and int(pid) != os.getpid():
        os.rename(pid_file, f"{pid_file}.{pid}")  # noqa: PTH104


def main() -> None:
    pid_file, log_file, *argv = sys.argv[1:]
    keep_predecessor(pid_file)
    temporary = f"{pid_file}.{os.getpid()}.new"
    if os.path.lexists(temporary):
        os.unlink(temporary)  # noqa: PTH108
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644), "w") as file:
        os.fchmod(file.fileno(), 0o644)
        file.write(f"{os.getpid()} {start_time('self')}\n")
    os.rename(temporary, pid_file)  # noqa: PTH104

    log = os.open(log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o660)
    if os.fstat(log).st_size > LOG_LIMIT:
        os.close(log)
        os.rename(log_file, f"{log_file}.1")  # noqa: PTH104
        log = os.open(log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o660)
    os.fchmod(log, 0o660)  # the platform's own user shortens it while the program runs
    nothing = os.open("/dev/null", os.O_RDONLY)
    for number, file_number in enumerate((nothing, log, log)):
        os.dup2(file_number, number)
    os.closerange(3, 4096)
    os.execvp(argv[0], argv)


if __name__ == "__main__":
    main()
