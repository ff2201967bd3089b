// Hocuspocus. The arguments are the package to start, v3 or v4, and where to keep documents: in memory, or, by `sqlite`, in
// the database that BENCH_SQLITE names, as its own SQLite extension keeps them: some seconds after an edit, not before its ack.
const { mkdirSync } = require('fs')
const { Server } = require(process.argv[2])

const extensions = []
if (process.argv[3] === 'sqlite') {
  const { SQLite } = require('@hocuspocus/extension-sqlite')
  mkdirSync(process.env.BENCH_SQLITE, { recursive: true })
  extensions.push(new SQLite({ database: `${process.env.BENCH_SQLITE}/documents.sqlite` }))
}
const server = new Server({ address: '127.0.0.1', port: 0, quiet: true, extensions })
server.listen().then(() => console.log(`listening on ${server.address.port}`))
