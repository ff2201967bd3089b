// y-socket.io as its README starts it; documents in memory, or in LevelDB where YPERSISTENCE names a folder.
const http = require('http')
const { Server } = require('socket.io')
const { YSocketIO } = require('y-socket.io/dist/server')

const server = http.createServer((_request, response) => response.end('okay'))
const folder = process.env.YPERSISTENCE
const documents = new YSocketIO(new Server(server), folder ? { levelPersistenceDir: folder } : {})
documents.initialize()
server.listen(0, '127.0.0.1', 4096, () => console.log(`listening on ${server.address().port}`))
