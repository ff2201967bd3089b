// What people do to a text, decided by a stream of random numbers.

import { below, pick } from "./random.mjs";

/** What people type: letters, words, line ends, and characters of several UTF-16 units. */
const WORDS = ["a", "e", " ", "\n", "the ", "word ", "ß", "漢字", "😀", "👩‍🚀", "x".repeat(30)];

/** Insert or remove something somewhere. */
export function type(client, random) {
  const text = client.body.toString();
  if (text.length > 0 && random() < 0.35) {
    const from = between(text, below(random, text.length));
    const to = between(text, Math.min(text.length, from + 1 + below(random, 6)));
    if (to > from) client.remove(from, to - from);
  } else {
    client.insert(between(text, below(random, text.length + 1)), pick(random, WORDS));
  }
}

/** The nearest index at or before `index` that is not inside a surrogate pair, as in any editor. */
function between(text, index) {
  const inside = index > 0 && index < text.length && text.codePointAt(index - 1) > 0xffff;
  return inside ? index - 1 : index;
}
