// `node --import ./yjs-14.mjs ...`: whoever imports yjs gets version 14, as with an alias in a bundler.

import { register } from "node:module";

const hooks = `
  const FOURTEEN = ${JSON.stringify(new URL("./yjs-14-names.mjs", import.meta.url).href)};
  export const resolve = (name, context, next) =>
    name === "yjs" ? { url: FOURTEEN, shortCircuit: true } : next(name, context);
`;
register(`data:text/javascript,${encodeURIComponent(hooks)}`);
