// Version 14 under the names of version 13 that clients and tests use: it has one type for all.

import { Doc } from "@y/y";

export * from "@y/y";

Doc.prototype.getText = function getText(name) {
  return this.get(name);
};
