/** Whether what is typed would be kept. */

import type { Status } from 'collab-client'

export function isDeleted({ phase, fault }: Status): boolean {
  return phase === 'refused' && fault?.code === 'document_deleted'
}

/** Whether nothing that is typed would be kept: also where there is no document any more. */
export function isReadOnly(status: Status): boolean {
  return status.readOnly || isDeleted(status)
}
