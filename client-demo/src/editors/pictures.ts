/** Pasted and dropped pictures, made small enough to travel inside a document. */

/** What a picture may weigh as a data URL. */
export const MOST_BYTES = 400_000
const LONGEST_SIDES = [1600, 1200, 800, 480]

/**
 * A picture as a data URL.
 * @throws Error with words for a person when it cannot be read or made small enough.
 */
export async function pictureOf(file: Blob): Promise<{ url: string; width: number; height: number }> {
  let bitmap: ImageBitmap
  try {
    bitmap = await createImageBitmap(file)
  } catch {
    throw new Error('This picture cannot be read.')
  }
  try {
    if (file.size <= MOST_BYTES * 0.7 && /^image\/(png|jpeg|gif|webp)$/.test(file.type)) {
      return { url: await dataUrl(file), width: bitmap.width, height: bitmap.height }
    }
    for (const side of LONGEST_SIDES) {
      const scale = Math.min(1, side / Math.max(bitmap.width, bitmap.height))
      const canvas = new OffscreenCanvas(Math.max(1, Math.round(bitmap.width * scale)), Math.max(1, Math.round(bitmap.height * scale)))
      canvas.getContext('2d')?.drawImage(bitmap, 0, 0, canvas.width, canvas.height)
      const small = await canvas.convertToBlob({ type: 'image/webp', quality: 0.82 })
      if (small.size <= MOST_BYTES * 0.7) return { url: await dataUrl(small), width: canvas.width, height: canvas.height }
    }
  } finally {
    bitmap.close()
  }
  throw new Error('This picture is too large for a document.')
}

function dataUrl(blob: Blob): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader()
    reader.onload = () => resolve(String(reader.result))
    reader.onerror = () => reject(new Error('This picture cannot be read.'))
    reader.readAsDataURL(blob)
  })
}
