/** When to try again: exponential backoff with full jitter. */

export interface BackoffOptions {
  /** Ceiling of the first wait, in milliseconds. */
  base: number
  /** Ceiling of every later wait. */
  cap: number
  /** A number in [0, 1). */
  random: () => number
}

/**
 * Full jitter: each wait is drawn between nothing and a ceiling that doubles. Many clients that lost
 * the same server come back spread over the whole interval, not in waves.
 */
export class Backoff {
  private readonly options: BackoffOptions
  private failures = 0

  constructor(options: Partial<BackoffOptions> = {}) {
    this.options = { base: 500, cap: 10_000, random: Math.random, ...options }
  }

  /** Failures since the last {@link reset}. */
  get attempt(): number {
    return this.failures
  }

  /**
   * Milliseconds to wait before the next attempt.
   * @param atLeast what the server asked for; the jitter comes on top of it.
   */
  next(atLeast = 0): number {
    const { base, cap, random } = this.options
    const ceiling = Math.min(cap, base * 2 ** Math.min(this.failures, 30))
    this.failures += 1
    return Math.round(atLeast + random() * ceiling)
  }

  /** Begin anew after a connection that held. */
  reset(): void {
    this.failures = 0
  }
}
