/** The real server as a process of its own, and a scripted one that says what a test wants to hear. */

import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createServer, type Server as HttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { resolve } from 'node:path'
import { Server, type Socket } from 'socket.io'

const ROOT = `${resolve(import.meta.dirname, '../../../..')}/`
const VENV = `${ROOT}.venv/bin/python`
export const PYTHON = process.env['COLLAB_PYTHON'] ?? (existsSync(VENV) ? VENV : 'python3')

/** A port that nobody listens on, below those that the system gives to connections: it is still free after a restart. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = 12_000 + Math.floor(Math.random() * 18_000)
    const probe = createServer()
    const free = await new Promise<boolean>((resolve) => {
      probe.once('error', () => resolve(false))
      probe.listen(port, '127.0.0.1', () => resolve(true))
    })
    await new Promise((resolve) => probe.close(resolve))
    if (free) return port
  }
}

/** `collab serve` on a port that it keeps through restarts. */
export class CollabServer {
  url = ''
  private port = 0
  private process: ChildProcess | null = null

  constructor(private readonly store = 'memory://', private readonly args: string[] = []) {}

  async start(): Promise<this> {
    this.port ||= await freePort()
    const args = ['-m', 'collab', 'serve', '--port', String(this.port), '--store', this.store, ...this.args]
    // The server refuses settings that it does not know, such as COLLAB_PYTHON.
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('COLLAB_')))
    const child = spawn(PYTHON, args, { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'] })
    this.process = child
    let said = ''
    await new Promise<void>((resolve, reject) => {
      child.stderr.on('data', (data: Buffer) => (said += data.toString()))
      child.on('exit', () => reject(new Error(`the server did not start: ${said}`)))
      child.stdout.on('data', (data: Buffer) => {
        const found = /listening on (http:\/\/\S+:\d+)/.exec(data.toString())
        if (found === null) return
        this.url = found[1] as string
        resolve()
      })
    })
    return this
  }

  /** Stop it, or let it go on. */
  signal(signal: NodeJS.Signals): void {
    this.process?.kill(signal)
  }

  /** End it at once, without a farewell. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.process
    this.process = null
    if (child === null || child.exitCode !== null) return
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.kill(signal)
    await ended
  }
}

/** A Socket.IO server whose answers a test decides. */
export class ScriptedServer {
  url = ''
  private readonly http: HttpServer = createServer()
  readonly io = new Server(this.http, { connectionStateRecovery: undefined })

  async start(onSocket: (socket: Socket) => void): Promise<this> {
    this.io.of(/^\/doc\/.+/).on('connection', onSocket)
    await new Promise<void>((resolve) => this.http.listen(0, '127.0.0.1', resolve))
    this.url = `http://127.0.0.1:${(this.http.address() as AddressInfo).port}`
    return this
  }

  async stop(): Promise<void> {
    await this.io.close()
  }
}

/** What the real server says first. */
export function welcome(socket: Socket, more: { role?: string; vector?: Uint8Array; user?: object } = {}): void {
  socket.emit('session', {
    document: 'd', session: 's', client_id: 1, role: more.role ?? 'editor', user: more.user ?? {}, limits: { rate_updates: 1000 },
    expires_at: null, server: { name: 'collab', version: 'test' },
  })
  socket.emit('sync-step-1', Buffer.from(more.vector ?? [0]), () => undefined)
  socket.on('sync-step-1', (_vector: Buffer, answer: (update: Buffer) => void) => answer(Buffer.from([0, 0])))
}

/** Wait until something is true. */
export async function until(condition: () => boolean, what: string, timeout = 20_000): Promise<void> {
  const deadline = Date.now() + timeout
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`never happened: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
