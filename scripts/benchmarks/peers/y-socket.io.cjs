// y-socket.io as its README starts it; documents in memory.
const http = require('http')
const { Server } = require('socket.io')
const { YSocketIO } = require('y-socket.io/dist/server')

const server = http.createServer((_request, response) => response.end('okay'))
const documents = new YSocketIO(new Server(server))
documents.initialize()
server.listen(0, '127.0.0.1', 4096, () => console.log(`listening on ${server.address().port}`))
