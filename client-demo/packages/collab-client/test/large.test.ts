/** The provider with what is larger than one edit, and with what the server will not have; against the real server. */

import { afterEach, expect, test } from 'vitest'
import * as Y from 'yjs'
import { asText, CollabProvider, type Refused, type Status } from '../src/index.js'
import { CollabServer, until } from './server.js'

/** Milliseconds; a green run on an idle machine takes a twentieth of it. */
const PATIENCE = 300_000
const MB = 1_000_000
let server: CollabServer
const providers: CollabProvider[] = []

afterEach(async () => {
  for (const provider of providers.splice(0)) provider.destroy()
  await server.kill()
})

async function serve(...args: string[]): Promise<void> {
  server = await new CollabServer('memory://', args).start()
}

function open(document: string, doc = new Y.Doc()): CollabProvider & { text: Y.Text; seen: Status[] } {
  const provider = new CollabProvider(server.url, document, doc, { tabs: false, stream: false, backoff: { base: 50, cap: 200 } })
  providers.push(provider)
  const seen: Status[] = []
  provider.on('details', (status) => seen.push(status))
  return Object.assign(provider, { text: doc.getText('body'), seen })
}

const saved = (provider: CollabProvider): Promise<void> =>
  until(() => provider.details.phase === 'live' && provider.unsaved === 0, 'saved', PATIENCE)

/** A document of small edits, none of which can be joined with its neighbours. */
function smallEdits(size: number): Y.Doc {
  const doc = new Y.Doc()
  const body = doc.getText('body')
  for (let grown = 0, count = 0; grown < size; count += 1) {
    doc.transact(() => {
      for (let each = 0; each < 100; each += 1, grown += 1_000) body.insert((count * 31 + each * 7) % (body.length + 1), `${count} `.repeat(330).slice(0, 970))
    })
  }
  return doc
}

test('a document of six megabytes is shared for the first time', { timeout: PATIENCE }, async () => {
  await serve()
  const doc = smallEdits(6 * MB)
  expect(Y.encodeStateAsUpdate(doc).byteLength).toBeGreaterThan(5 * MB)
  const ann = open('first', doc)
  await until(() => ann.details.progress !== null, 'it goes in parts', PATIENCE)
  ann.text.insert(0, 'typed meanwhile ')
  await saved(ann)
  expect(ann.seen.some(({ progress }) => progress !== null && progress > 0.2 && progress < 0.9)).toBe(true)
  for (const { progress, unsaved, phase } of ann.seen) if (progress !== null && phase === 'live') expect(unsaved).toBeGreaterThan(0)
  const ben = open('first')
  await until(() => ben.text.length === ann.text.length, 'Ben has it', PATIENCE)
  expect(ben.text.toString()).toBe(ann.text.toString())
  expect(ann.seen.filter(({ blocked }) => blocked !== null)).toEqual([])
})

test('a server that comes back empty gets everything by itself', { timeout: PATIENCE }, async () => {
  await serve()
  const ann = open('emptied')
  await until(() => ann.details.phase === 'live', 'live', PATIENCE)
  ann.text.insert(0, 'x'.repeat(6 * MB))
  await saved(ann)
  await server.kill()
  await until(() => ann.details.phase !== 'live', 'offline', PATIENCE)
  ann.text.insert(3, 'offline', PATIENCE)
  await server.start()
  await saved(ann)
  const ben = open('emptied')
  await until(() => ben.text.length === 6 * MB + 7, 'Ben has it', PATIENCE)
})

test('an interruption in the middle is resumed', { timeout: PATIENCE }, async () => {
  await serve()
  const ann = open('cut', smallEdits(3 * MB))
  await until(() => (ann.details.progress ?? 0) > 0.3, 'a third is there', PATIENCE)
  ann.disconnect()
  ann.connect()
  await saved(ann)
  const ben = open('cut')
  await until(() => ben.text.length === ann.text.length, 'Ben has it', PATIENCE)
})

test('five megabytes pasted, taken back, and typed on', { timeout: PATIENCE }, async () => {
  await serve()
  const ann = open('pasted')
  const ben = open('pasted')
  await until(() => ann.details.phase === 'live' && ben.details.phase === 'live', 'live', PATIENCE)
  const undo = new Y.UndoManager(ann.text, { captureTimeout: 0 })
  ann.text.insert(0, 'p'.repeat(5 * MB))
  await saved(ann)
  await until(() => ben.text.length === 5 * MB, 'Ben has it', PATIENCE)
  undo.undo()
  ann.text.insert(0, 'typed afterwards')
  await saved(ann)
  await until(() => ben.text.toString() === 'typed afterwards', 'Ben reads on', PATIENCE)
})

test('what the server will not have is kept apart, and everything else goes on', { timeout: PATIENCE }, async () => {
  await serve('--max-update-bytes', '64KiB')
  const ann = open('refused')
  const ben = open('refused')
  await until(() => ann.details.phase === 'live' && ben.details.phase === 'live', 'live', PATIENCE)
  ann.text.insert(0, 'before ')
  await saved(ann)
  const told: Refused[] = []
  ann.on('refused', (refused) => told.push(refused))
  const shapes = ann.doc.getMap('shapes')
  const picture = `data:image/png;base64,${'A'.repeat(200_000)}`
  ann.doc.transact(() => {
    shapes.set('small', 'kept')
    shapes.set('picture', picture)
    ann.text.insert(ann.text.length, 'beside ')
  })
  ann.text.insert(ann.text.length, 'after')
  shapes.set('later', 'kept')
  await saved(ann)
  expect(told).toHaveLength(1)
  expect(told[0]?.fault.code).toBe('update_too_large')
  expect(asText(told[0]!)).toBe(`picture: ${picture}`)
  expect(ann.refused).toEqual(told)
  expect(ann.details.refused).toBe(1)
  expect(ann.details.blocked).toBeNull()
  await until(() => ben.text.toString() === 'before beside after', 'Ben has the rest', PATIENCE)
  await until(() => ben.doc.getMap('shapes').has('later'), 'Ben has the value', PATIENCE)
  expect(ben.doc.getMap('shapes').toJSON()).toEqual({ small: 'kept', later: 'kept' })
  expect(shapes.toJSON()).toEqual({ small: 'kept', later: 'kept' })
  // And what comes later finds no gap, on this connection nor on the next one.
  ann.disconnect()
  ann.text.insert(0, 'offline ')
  ann.connect()
  await saved(ann)
  await until(() => ben.text.toString() === 'offline before beside after', 'Ben reads on', PATIENCE)
  ann.forgetRefused()
  expect(ann.details.refused).toBe(0)
})
