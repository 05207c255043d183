# Nothing of it is built: a shell, and a program that the stack has.
exec python3 -m http.server "$PORT"
