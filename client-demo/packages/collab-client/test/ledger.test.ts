import { expect, test } from 'vitest'
import { LocalLedger } from '../src/index.js'

class Memory implements Storage {
  private readonly items = new Map<string, string>()
  get length(): number {
    return this.items.size
  }
  clear = (): void => this.items.clear()
  getItem = (key: string): string | null => this.items.get(key) ?? null
  key = (index: number): string | null => [...this.items.keys()][index] ?? null
  removeItem = (key: string): void => void this.items.delete(key)
  setItem = (key: string, value: string): void => void this.items.set(key, value)
}

test('a page finds what earlier pages left behind, until it is saved', () => {
  const storage = new Memory()
  new LocalLedger('d', 'first', storage).write(3)
  new LocalLedger('d', 'second', storage).write(2)
  const third = new LocalLedger('d', 'third', storage)
  expect(third.inherited()).toBe(5)
  third.write(1)
  third.settleInherited()
  expect(third.inherited()).toBe(0)
  expect(new LocalLedger('d', 'fourth', storage).inherited()).toBe(1)
})

test('a page that lives on keeps the number that it wrote since', () => {
  const storage = new Memory()
  const living = new LocalLedger('d', 'living', storage)
  living.write(3)
  const other = new LocalLedger('d', 'other', storage)
  living.write(7)
  other.settleInherited()
  expect(new LocalLedger('d', 'late', storage).inherited()).toBe(7)
})

test('saved means gone, and other documents are not touched', () => {
  const storage = new Memory()
  const ledger = new LocalLedger('d', 'page', storage)
  ledger.write(2)
  ledger.write(0)
  expect(storage.length).toBe(0)
  ledger.write(1)
  expect(new LocalLedger('e', 'page', storage).inherited()).toBe(0)
})

test('a storage that is broken or full costs nothing but the number', () => {
  const storage = new Memory()
  storage.setItem('collab:unsaved:d', 'no json')
  expect(new LocalLedger('d', 'page', storage).inherited()).toBe(0)
  storage.setItem = () => {
    throw new Error('full')
  }
  expect(() => new LocalLedger('d', 'page', storage).write(1)).not.toThrow()
})
