// Suggestions, as Yjs 14 has them: made in a document of their own, and taken over one by one.
//
// Who accepts the second of two leaves a gap in the clock of the client that made them.

import * as Y from "yjs";

/** What waits to be accepted, in the order in which it was typed. */
export class Suggestions {
  constructor(doc, texts) {
    this.doc = new Y.Doc({ gc: false, isSuggestionDoc: true });
    Y.applyUpdate(this.doc, Y.encodeStateAsUpdate(doc));
    this.manager = Y.createAttributionManagerFromDiff(doc, this.doc);
    const body = this.doc.get("body");
    this.places = texts.map(([index, text]) => {
      const clock = this.doc.store.getClock(this.doc.clientID);
      body.insert(index < 0 ? body.length : index, text);
      return { client: this.doc.clientID, clock };
    });
  }

  /** Take over one of them; what it says of where it stands is all that goes along. */
  accept(number) {
    const { client, clock } = this.places[number];
    this.manager.acceptChanges(Y.createID(client, clock));
  }
}
