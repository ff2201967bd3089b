export { Backoff, type BackoffOptions } from './backoff.js'
export { CollabProvider } from './CollabProvider.js'
export { adviceFor, asFault, CODES, CollabError, inWords, type ErrorCode, type Fault } from './errors.js'
export { LocalLedger, type Ledger } from './ledger.js'
export type {
  BroadcastMessage, InboxEntry, InboxNews, LocalCopy, MakeLocalCopy, Notice, ProviderEvents, ProviderOptions, Role, Session, StatusEvent, TokenSource, Traffic, User,
} from './options.js'
export { faultInName, refusalOfName } from './names.js'
export { asText, type Refused } from './refused.js'
export { FIRST_STATUS, turnedAway, type ConnectionStatus, type Phase, type State, type Status, type TransportName } from './status.js'
export { freshKey, type Stream, type StreamedEvent, type WaitingEvent } from './streams.js'
