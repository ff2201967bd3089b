/** Groups: each shape names those that it is in, from the innermost to the outermost. Pure functions. */

import type { Shape } from './shapes'

/** The group that a shape stands for, to somebody who has gone into the group `inside`, or into none. */
export function groupOf(shape: Shape, inside: string | null): string | undefined {
  const at = inside === null ? -1 : shape.groups.indexOf(inside)
  return at === -1 ? shape.groups.at(-1) : shape.groups[at - 1]
}

/** Shapes with all that is in their groups. */
export function whole(ids: Iterable<string>, shapes: Shape[], inside: string | null): string[] {
  const wanted = new Set(ids)
  const groups = new Set<string>()
  for (const shape of shapes) {
    const group = wanted.has(shape.id) ? groupOf(shape, inside) : undefined
    if (group !== undefined) groups.add(group)
  }
  if (groups.size === 0) return [...wanted]
  return shapes.filter((shape) => wanted.has(shape.id) || shape.groups.some((group) => groups.has(group))).map((shape) => shape.id)
}

/** What moves as one: groups, and shapes that are in none. */
export function unitsOf(shapes: Shape[], inside: string | null): Shape[][] {
  const units = new Map<string, Shape[]>()
  for (const shape of shapes) {
    const group = groupOf(shape, inside)
    // Ids of groups and of shapes are kept apart.
    const key = group === undefined ? `shape ${shape.id}` : `group ${group}`
    const unit = units.get(key)
    if (unit === undefined) units.set(key, [shape])
    else unit.push(shape)
  }
  return [...units.values()]
}

/** The groups of a shape, with one more around all that is within `inside`. */
export function grouped(shape: Shape, group: string, inside: string | null): string[] {
  const at = inside === null ? -1 : shape.groups.indexOf(inside)
  const end = at === -1 ? shape.groups.length : at
  return [...shape.groups.slice(0, end), group, ...shape.groups.slice(end)]
}

/** For copies: groups of their own, without those of which only one shape is copied. */
export function copiedGroups(shapes: Shape[], fresh: () => string): (shape: Shape) => string[] {
  const counts = new Map<string, number>()
  for (const { groups } of shapes) for (const group of groups) counts.set(group, (counts.get(group) ?? 0) + 1)
  const ids = new Map([...counts].filter(([, count]) => count > 1).map(([group]) => [group, fresh()]))
  return ({ groups }) => groups.map((group) => ids.get(group)).filter((group) => group !== undefined)
}
