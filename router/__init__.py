"""The router: keeps HAProxy true to the route table. Runs alone, and knows of the platform that table and nothing else.

python -m router            follows the table (follow.py), for as long as it runs
python -m router --configure        writes HAProxy's files from what was last known, and ends
python -m router --exec-haproxy     the same, then becomes HAProxy; takes over from one that still serves
"""
