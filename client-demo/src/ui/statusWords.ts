/** The status pill's words: a pure function of what is true. */

import { adviceFor, inWords, turnedAway, type Status } from 'collab-client'

export interface StatusWords {
  words: string
  tone: 'idle' | 'good' | 'warn' | 'bad' | 'info'
  pulse: boolean
  action: 'retry' | 'renew' | 'show' | null
  /** More, for those who point at it. */
  detail: string
  /** Without numbers that tick: what a screen reader is told. */
  announced: string
}

const READING_ALONG = 'Your network lets changes come in, but not go out.'

/**
 * @param status the provider's.
 * @param now epoch milliseconds.
 */
export function statusWords(status: Status, now: number): StatusWords {
  const spoken = speak(status, now)
  const slow = status.transport === 'polling' || status.transport === 'sse'
  const detail = status.transport === 'polling' || (status.transport === 'sse' && !status.readOnly)
    ? `${spoken.detail} Your network blocks WebSockets, so changes travel over plain requests: all works, a little later.`
    : spoken.detail
  return {
    ...spoken,
    words: slow && status.phase !== 'offline' ? `${spoken.words} · slow connection` : spoken.words,
    detail: detail.trim(),
  }
}

function speak(status: Status, now: number): StatusWords {
  const { unsaved, fault, phase } = status
  const say = (
    words: string,
    tone: StatusWords['tone'],
    more: Partial<StatusWords> = {},
  ): StatusWords => ({ words, tone, pulse: false, action: null, detail: '', announced: words, ...more })

  if (phase === 'refused' && fault !== null) {
    if (fault.code === 'token_expired') {
      return say('Sign-in expired', 'bad', { action: 'renew', detail: kept(unsaved) })
    }
    return say(inWords(fault), 'bad', { action: fault.retryable ? 'retry' : null, detail: `${kept(unsaved)} (${fault.code})` })
  }
  if (status.draining && (phase === 'offline' || phase === 'connecting' || phase === 'live')) {
    return say('Server is moving, hold on...', 'warn', { detail: kept(unsaved) || 'You will be reconnected.' })
  }
  const reconnecting = phase === 'connecting' && (status.wasLive || status.fault !== null || unsaved > 0)
  if (phase === 'offline' || reconnecting) return sayOffline(say, status, now)
  if (phase === 'connecting' || phase === 'idle') return say('Connecting...', 'idle', { pulse: true })
  if (phase === 'syncing') {
    return say(status.wasLive ? 'Catching up...' : 'Loading document...', 'idle', { pulse: true })
  }
  if (phase === 'closed') return say('Closed', 'idle')
  if (status.transport === 'sse' && status.readOnly) {
    return unsaved > 0
      ? say(`View only - ${changes(unsaved)} kept here`, 'warn', { announced: 'View only. Changes are kept here.', detail: READING_ALONG })
      : say('View only', 'info', { detail: READING_ALONG })
  }
  if (status.readOnly) return say('View only', 'info', { detail: 'You see everything live, but cannot change it.' })
  if (status.blocked !== null) {
    return say(`Not saved: ${status.blocked.message}`, 'bad', {
      detail: `${adviceFor(status.blocked)} (${status.blocked.code})`,
    })
  }
  if (status.behind) return say('Catching up...', 'idle', { pulse: true, detail: 'Your connection is slower than what happens here.' })
  if (unsaved > 0 && status.storageTrouble) {
    return say(`Not saved yet: ${changes(unsaved)} waiting for the server's disk`, 'warn', {
      pulse: true,
      announced: 'Not saved yet: the server cannot write to its disk',
      detail: 'Others see your changes already. They are tried again by themselves.',
    })
  }
  if (unsaved > 0 && status.progress !== null) {
    const words = `Saving... ${Math.floor(status.progress * 100)} %`
    return say(words, 'good', { pulse: true, announced: 'Saving...', detail: 'Something large goes in parts. Go on working.' })
  }
  if (unsaved > 0) return say('Saving...', 'good', { pulse: true, detail: `${changes(unsaved)} on the way to the server's disk.` })
  if (status.refused > 0) {
    return say(`${changes(status.refused)} could not be saved`, 'warn', {
      action: 'show',
      detail: "Everything else is on the server's disk. What could not be saved can be copied.",
    })
  }
  const degraded = status.degraded ? ' People on other servers see it later.' : ''
  return say('Saved', 'good', { detail: `Everything is on the server's disk.${degraded}` })
}

function sayOffline(
  say: (words: string, tone: StatusWords['tone'], more?: Partial<StatusWords>) => StatusWords,
  status: Status,
  now: number,
): StatusWords {
  const { unsaved, retryAt } = status
  const reason = turnedAway(status)
  const seconds = retryAt === null ? 0 : Math.ceil((retryAt - now) / 1000)
  const when = retryAt === null ? 'Trying now...' : seconds > 0 ? `Retrying in ${seconds} s` : 'Retrying...'
  const action = retryAt === null ? null : 'retry'
  if (reason !== null) {
    const words = [inWords(reason), kept(unsaved), when].filter(Boolean).join(' ')
    return say(words, 'bad', { action, announced: inWords(reason), detail: `This page goes on trying by itself. (${reason.code})` })
  }
  const what = unsaved > 0 ? `Offline - ${changes(unsaved)} kept here.` : 'Offline.'
  return say(`${what} ${when}`, 'warn', {
    action,
    detail: 'Go on working: everything is sent when the server is back.',
    announced: unsaved > 0 ? 'Offline. Changes are kept here.' : 'Offline.',
  })
}

function changes(count: number): string {
  return count === 1 ? '1 change' : `${count} changes`
}

function kept(unsaved: number): string {
  return unsaved > 0 ? `${changes(unsaved)} kept here.` : ''
}
