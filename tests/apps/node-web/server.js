// Says who answers, as JSON. On SIGTERM it takes no new connection and finishes what it has.
const http = require('http');
const os = require('os');
const ms = require('ms');
const { built } = require('./built.json');

const server = http.createServer((request, response) => {
  response.setHeader('Content-Type', 'application/json');
  response.end(JSON.stringify({
    built,
    node: process.version,
    environment: process.env.NODE_ENV,
    release: process.env.HEROKU_RELEASE_VERSION || '',
    dyno: process.env.DYNO || '',
    container: os.hostname(),
  }));
});
server.keepAliveTimeout = ms('95s');
server.listen(process.env.PORT, '0.0.0.0');

process.on('SIGTERM', () => {
  console.log('told to stop');
  server.close(() => console.log('stopped'));
  server.closeIdleConnections();
});
