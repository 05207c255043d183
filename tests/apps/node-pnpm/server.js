console.log(require('ms')('1s'), process.version)
require('http').createServer((_, answer) => answer.end('hello\n')).listen(process.env.PORT)
