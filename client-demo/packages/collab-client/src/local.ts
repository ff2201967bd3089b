/** The local copy, waited for with patience that ends. */

import type { LocalCopy } from './options.js'

/** How long a local copy may take before the sync begins without it. */
const LOCAL_PATIENCE = 2_000

/** Whether `local` was loaded in time; where it was not, `onLate` is called once it is. */
export async function loadedInTime(local: LocalCopy, onLate: () => void): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const impatience = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), LOCAL_PATIENCE)
  })
  const loaded = local.whenSynced.then(() => true)
  const inTime = await Promise.race([loaded, impatience]).catch(() => false)
  clearTimeout(timer)
  if (!inTime) void loaded.then(onLate).catch(() => undefined)
  return inTime
}
