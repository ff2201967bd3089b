// Hocuspocus without extensions: documents in memory. The argument is the package to start, v3 or v4.
const { Server } = require(process.argv[2])

const server = new Server({ address: '127.0.0.1', port: 0, quiet: true })
server.listen().then(() => console.log(`listening on ${server.address.port}`))
