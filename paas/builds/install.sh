#!/bin/bash
# In a container of the run image, as root, mounted at /mnt: the app and the start command go where they belong. What
# this leaves is the image's layer. It is started early and waits for a word.
set -eu
read -r _
cp -a /mnt/app/. /app/
chown 20000:20000 /app
chmod 755 /app
install -m 755 /mnt/in/start.sh /usr/local/bin/paas-start
