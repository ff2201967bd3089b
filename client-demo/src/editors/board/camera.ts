/** Which part of the board is on the screen. */

import type { Box, Point } from './shapes'

export const LEAST_ZOOM = 0.05
export const MOST_ZOOM = 8

/** A screen point is `(board - camera) * zoom`. */
export class Camera {
  x = 0
  y = 0
  zoom = 1
  /** The size of the stage in CSS pixels. */
  width = 1
  height = 1

  toBoard(screen: Point): Point {
    return { x: screen.x / this.zoom + this.x, y: screen.y / this.zoom + this.y }
  }

  toScreen(board: Point): Point {
    return { x: (board.x - this.x) * this.zoom, y: (board.y - this.y) * this.zoom }
  }

  /** What is visible, in board units. */
  view(): Box {
    return { x: this.x, y: this.y, w: this.width / this.zoom, h: this.height / this.zoom }
  }

  /** Move by screen pixels. */
  pan(dx: number, dy: number): void {
    this.x += dx / this.zoom
    this.y += dy / this.zoom
  }

  /** Zoom to `zoom`, keeping the board under a screen point where it is. */
  zoomAt(screen: Point, zoom: number): void {
    const fixed = this.toBoard(screen)
    this.zoom = Math.min(MOST_ZOOM, Math.max(LEAST_ZOOM, zoom))
    this.x = fixed.x - screen.x / this.zoom
    this.y = fixed.y - screen.y / this.zoom
  }

  /** Show a box, whole and in the middle. */
  fit(box: Box, padding: number, mostZoom = 1): void {
    const room = { w: Math.max(40, this.width - 2 * padding), h: Math.max(40, this.height - 2 * padding) }
    const zoom = Math.min(mostZoom, room.w / Math.max(1, box.w), room.h / Math.max(1, box.h))
    this.zoom = Math.min(MOST_ZOOM, Math.max(LEAST_ZOOM, zoom))
    this.x = box.x + box.w / 2 - this.width / this.zoom / 2
    this.y = box.y + box.h / 2 - this.height / this.zoom / 2
  }
}
