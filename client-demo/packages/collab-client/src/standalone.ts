/** All in one file, for a page without a bundler; `Y` is the Yjs that it uses, and there must be no other in the page. */

export * from './index.js'
export { keepOffline } from './offline.js'
export { Awareness } from 'y-protocols/awareness'
export * as Y from 'yjs'
