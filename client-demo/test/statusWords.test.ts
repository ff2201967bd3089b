import { expect, test } from 'vitest'
import { FIRST_STATUS, type ErrorCode, type Fault, type Status } from 'collab-client'
import { statusWords } from '../src/ui/statusWords'

const NOW = 1_000_000
const LIVE: Partial<Status> = { phase: 'live', wasLive: true, transport: 'websocket' }

function say(change: Partial<Status>): ReturnType<typeof statusWords> {
  return statusWords({ ...FIRST_STATUS, ...change }, NOW)
}

function fault(code: ErrorCode, message: string = code, retryable = false): Fault {
  return { code, message, retryable }
}

const FULL = fault('document_full', 'This document is full: 50 people are here. Try again in a minute.', true)

test.each<[string, Partial<Status>, string, string]>([
  ['connecting the first time', { phase: 'connecting' }, 'Connecting...', 'idle'],
  ['syncing the first time', { phase: 'syncing' }, 'Loading document...', 'idle'],
  ['all durable', LIVE, 'Saved', 'good'],
  ['waiting for an ack', { ...LIVE, unsaved: 2 }, 'Saving...', 'good'],
  ['read-only', { ...LIVE, readOnly: true }, 'View only', 'info'],
  ['behind', { ...LIVE, behind: true }, 'Catching up...', 'idle'],
  ['draining', { ...LIVE, draining: true }, 'Server is moving, hold on...', 'warn'],
  ['draining, connection gone', { phase: 'offline', draining: true, retryAt: NOW }, 'Server is moving, hold on...', 'warn'],
  ['offline with changes', { phase: 'offline', wasLive: true, unsaved: 3, retryAt: NOW + 3500 }, 'Offline - 3 changes kept here. Retrying in 4 s', 'warn'],
  ['offline with one', { phase: 'offline', wasLive: true, unsaved: 1, retryAt: NOW + 500 }, 'Offline - 1 change kept here. Retrying in 1 s', 'warn'],
  ['offline without', { phase: 'offline', retryAt: NOW + 2000 }, 'Offline. Retrying in 2 s', 'warn'],
  ['trying again', { phase: 'connecting', wasLive: true, unsaved: 3 }, 'Offline - 3 changes kept here. Trying now...', 'warn'],
  ['syncing again', { phase: 'syncing', wasLive: true }, 'Catching up...', 'idle'],
  ['polling', { ...LIVE, transport: 'polling' }, 'Saved · slow connection', 'good'],
  ['reading along', { ...LIVE, transport: 'sse', readOnly: true }, 'View only · slow connection', 'info'],
  ['by requests', { ...LIVE, transport: 'sse' }, 'Saved · slow connection', 'good'],
  ['expired', { phase: 'refused', fault: fault('token_expired') }, 'Sign-in expired', 'bad'],
  ['refused', { phase: 'refused', fault: fault('forbidden', 'You do not have access to this.') }, 'You do not have access to this. Ask somebody who has access for a link.', 'bad'],
  ['full', { phase: 'offline', fault: FULL, retryAt: NOW + 59_000 }, `${FULL.message} Retrying in 59 s`, 'bad'],
  ['full, with changes', { phase: 'connecting', fault: FULL, unsaved: 2 }, `${FULL.message} 2 changes kept here. Trying now...`, 'bad'],
  ['too many connections', { phase: 'offline', fault: fault('too_many_connections', 'Too many.', true), retryAt: NOW }, 'Too many. Close some tabs. Retrying...', 'bad'],
  ['moving for long', { phase: 'offline', fault: fault('draining', 'Moving.', true), retryAt: NOW + 1000 }, 'Offline. Retrying in 1 s', 'warn'],
  ['an edit refused', { ...LIVE, unsaved: 1, blocked: fault('update_too_large', 'This edit is too large.') }, 'Not saved: This edit is too large.', 'bad'],
])('%s', (_name, status, words, tone) => {
  const said = say(status)
  expect([said.words, said.tone]).toEqual([words, tone])
})

test('"Saved" is never said while something is not', () => {
  const phases = ['idle', 'connecting', 'syncing', 'live', 'offline', 'refused', 'closed'] as const
  for (const phase of phases) {
    for (const storageTrouble of [true, false]) {
      for (const readOnly of [true, false]) {
        const said = say({ phase, unsaved: 1, storageTrouble, readOnly, wasLive: true, retryAt: NOW, fault: fault('internal') })
        expect(said.words.startsWith('Saved'), phase).toBe(false)
      }
    }
  }
})

test('there is something to do where a person can do something', () => {
  expect(say({ phase: 'offline', retryAt: NOW + 1 }).action).toBe('retry')
  expect(say({ phase: 'refused', fault: fault('token_expired') }).action).toBe('renew')
  expect(say(LIVE).action).toBeNull()
})

test('what is said on hover does not contradict itself', () => {
  expect(say({ ...LIVE, transport: 'sse', readOnly: true }).detail).toBe('Your network lets changes come in, but not go out.')
  expect(say({ ...LIVE, transport: 'polling' }).detail).toContain('all works, a little later')
})

test('what a screen reader hears does not tick', () => {
  const at = (retryAt: number): string => say({ phase: 'offline', wasLive: true, unsaved: 2, retryAt }).announced
  expect(at(NOW + 1000)).toBe(at(NOW + 9000))
})
