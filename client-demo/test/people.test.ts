/** The colours of people, computed: told apart by all eyes, equally bright, readable under their ink. */

import { expect, test } from 'vitest'
import { inkOn, PEOPLE_COLOURS } from '../src/ui/people'
import { contrast, linear, type Triple } from './support/contrast'

/** Dichromats of Machado, Oliveira and Fernandes (2009), on linear sRGB. */
const EYES: Record<string, Triple[]> = {
  'most eyes': [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
  protanopia: [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
  deuteranopia: [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
}
/** sRGB to XYZ, each divided by white. */
const XYZ: Triple[] = [[0.433953, 0.376219, 0.189828], [0.212673, 0.715152, 0.072175], [0.017757, 0.109475, 0.872768]]

function times(matrix: Triple[], [a, b, c]: Triple): Triple {
  return matrix.map(([x, y, z]) => x * a + y * b + z * c) as Triple
}

function lab(rgb: Triple): Triple {
  const seen = rgb.map((value) => Math.min(1, Math.max(0, value))) as Triple
  const [x, y, z] = times(XYZ, seen).map((t) => (t > 0.008856 ? Math.cbrt(t) : 7.787 * t + 16 / 116)) as Triple
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)]
}

/** The smallest distance (CIE76) of any two. */
function closest(places: Triple[]): number {
  return Math.min(...places.flatMap((one, at) => places.slice(0, at).map((other) => Math.hypot(...one.map((value, i) => value - (other[i] as number))))))
}

test.each([['most eyes', 24], ['protanopia', 12], ['deuteranopia', 12]])('%s tell them apart', (eyes, distance) => {
  const seen = PEOPLE_COLOURS.map((colour) => lab(times(EYES[eyes] as Triple[], linear(colour))))
  expect(closest(seen)).toBeGreaterThan(distance)
})

test('they are equally bright, and stand out from both themes', () => {
  const lightness = PEOPLE_COLOURS.map((colour) => lab(linear(colour))[0])
  expect(Math.max(...lightness) - Math.min(...lightness)).toBeLessThan(10)
  for (const colour of PEOPLE_COLOURS) {
    for (const ground of ['#ffffff', '#131417']) expect(contrast(colour, ground), `${colour} on ${ground}`).toBeGreaterThan(3)
    expect(contrast(colour, inkOn(colour)), `ink on ${colour}`).toBeGreaterThan(4.5)
  }
})
