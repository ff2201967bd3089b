// y-websocket's own server (bin/utils), on the current `ws`; documents in memory, or in LevelDB where YPERSISTENCE names a folder.
const http = require('http')
const { WebSocketServer } = require('ws')
const { setupWSConnection } = require('y-websocket/bin/utils')

const server = http.createServer((_request, response) => response.end('okay'))
const sockets = new WebSocketServer({ noServer: true })
sockets.on('connection', setupWSConnection)
server.on('upgrade', (request, socket, head) => {
  sockets.handleUpgrade(request, socket, head, (connection) => sockets.emit('connection', connection, request))
})
server.listen(0, '127.0.0.1', 4096, () => console.log(`listening on ${server.address().port}`))
