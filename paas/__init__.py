"""A push, in eight lines.

1. `git push paas main` meets sshd; the door (`git/door.py`) says who it is and what they may run.
2. The receive hook (`git/receive.py`) takes the pushed tree out and asks the API for a build.
3. A worker turns the source into an image (`builds/`), by a Dockerfile or by buildpacks.
4. Image + process types + config make a numbered, immutable release (`releases/`).
5. `converge(app)` (`scheduler/`) places containers on hosts until what runs is what is wanted.
6. What answers goes into the route table in Redis (`routes/`).
7. The router follows that table and tells HAProxy (`router/`, a package of its own).
8. Every router has acknowledged: the push ends with the URL.
"""
