// Bundles the pages of this folder: `node build.mjs`. Nothing of what it makes is kept in the repository.

import { build } from "esbuild";

/** Monaco's API without its languages, under the name by which y-monaco knows it: the package's exports have moved. */
const monaco = {
  name: "monaco",
  setup(bundle) {
    const file = new URL("./node_modules/monaco-editor/esm/vs/editor/editor.api.js", import.meta.url).pathname;
    bundle.onResolve({ filter: /^monaco-editor/ }, () => ({ path: file }));
  },
};

await build({
  entryPoints: ["codemirror", "tiptap", "blocknote", "quill", "monaco"].map((name) => `pages/${name}.js`),
  outdir: "build",
  bundle: true,
  format: "esm",
  minify: true,
  logLevel: "error",
  loader: { ".ttf": "dataurl", ".woff2": "dataurl", ".svg": "dataurl" },
  plugins: [monaco],
});
