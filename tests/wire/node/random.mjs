// Randomness that a number repeats.

/**
 * mulberry32: a small, well spread 32 bit generator.
 * @param {number} seed any 32 bit integer
 * @returns {() => number} numbers in [0, 1)
 */
export function mulberry32(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** A whole number in [0, limit). */
export const below = (random, limit) => Math.floor(random() * limit);

/** One element of a non-empty array. */
export const pick = (random, values) => values[below(random, values.length)];
