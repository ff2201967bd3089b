/** A shared text in a plain field: of what two write at the same moment both is there, and the caret stays where it was. */
import type * as Y from "yjs";

export function bindField(text: Y.Text, area: HTMLTextAreaElement): () => void {
  // What others do: their changes move the selection along.
  const observe = ({ delta }: Y.YTextEvent, { local }: Y.Transaction): void => {
    if (local) return;
    let { selectionStart: start, selectionEnd: end } = area;
    let at = 0;
    for (const { retain = 0, insert = "", delete: gone = 0 } of delta as { retain?: number; insert?: string; delete?: number }[]) {
      at += retain;
      const moved = (index: number): number => (index <= at ? index : Math.max(at, index - gone) + insert.length);
      [start, end] = [moved(start), moved(end)];
      at += insert.length;
    }
    area.value = text.toString();
    area.setSelectionRange(start, end);
  };
  // What is done here: whatever lies between what is the same at both ends.
  const input = (): void => {
    const before = text.toString(), after = area.value;
    const most = Math.min(before.length, after.length);
    let head = 0, tail = 0;
    while (head < most && before[head] === after[head]) head++;
    while (tail < most - head && before.at(-1 - tail) === after.at(-1 - tail)) tail++;
    text.doc!.transact(() => {
      text.delete(head, before.length - head - tail);
      text.insert(head, after.slice(head, after.length - tail));
    });
  };
  area.value = text.toString();
  text.observe(observe);
  area.addEventListener("input", input);
  return () => (text.unobserve(observe), area.removeEventListener("input", input));
}
