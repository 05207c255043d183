# Sourced at every start of the app. What the app's config sets stays as it is.
export PATH="/app/.heroku/node/bin:/opt/node/bin:/app/node_modules/.bin:$PATH"
export NODE_ENV="${NODE_ENV:-production}"
export NODE_HOME="${NODE_HOME:-/opt/node}"
export npm_config_update_notifier="${npm_config_update_notifier:-false}"
# bash becomes the command it is given, so that npm's SIGTERM reaches the app; sh stays in between and dies alone.
export npm_config_script_shell="${npm_config_script_shell:-/bin/bash}"
