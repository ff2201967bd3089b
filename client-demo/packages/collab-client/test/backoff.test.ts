import { expect, test } from 'vitest'
import { Backoff } from '../src/index.js'

test('waits are drawn below a ceiling that doubles up to the cap', () => {
  const highest = new Backoff({ base: 100, cap: 1000, random: () => 0.999999 })
  expect([1, 2, 3, 4, 5, 6].map(() => highest.next())).toEqual([100, 200, 400, 800, 1000, 1000])
  const lowest = new Backoff({ base: 100, cap: 1000, random: () => 0 })
  expect([1, 2, 3].map(() => lowest.next())).toEqual([0, 0, 0])
})

test('what the server asks for is waited for, with the jitter on top', () => {
  const backoff = new Backoff({ base: 100, cap: 1000, random: () => 0.5 })
  expect(backoff.next(5000)).toBe(5050)
})

test('it begins anew after a reset, and never overflows', () => {
  const backoff = new Backoff({ base: 100, cap: 1000, random: () => 0.999999 })
  for (let i = 0; i < 2000; i++) expect(backoff.next()).toBeLessThanOrEqual(1000)
  backoff.reset()
  expect(backoff.attempt).toBe(0)
  expect(backoff.next()).toBe(100)
})
