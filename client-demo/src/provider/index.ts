export { Backoff, type BackoffOptions } from './backoff'
export {
  CollabProvider,
  type LocalCopy,
  type Notice,
  type ProviderOptions,
  type Session,
  type TokenSource,
  type Traffic,
  type User,
} from './CollabProvider'
export { adviceFor, asFault, type Fault } from './errors'
export { LocalLedger, type Ledger } from './ledger'
export { EMPTY_UPDATE, Outbox, type Batch } from './outbox'
export { FIRST_STATUS, MOVES, type Phase, type Status, type TransportName } from './status'
export { TAB_ORIGIN } from './tabs'
