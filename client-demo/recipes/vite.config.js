// All recipes at once: `npx vite` in this folder. A copy of one needs only what its own folder has.

import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { mergeConfig } from "vite";
import monaco from "./monaco/vite.config.js";
import svelte from "./svelte/vite.config.js";
import vue from "./vue/vite.config.js";

const here = import.meta.dirname;
const bundled = readdirSync(here).filter((name) => ["main.ts", "main.tsx"].some((main) => existsSync(join(here, name, main))));
const pages = bundled.map((name) => join(here, name, "index.html"));

export default [monaco, svelte, vue].reduce(mergeConfig, {
  base: "./",
  // Every package once, whoever links to it.
  resolve: { preserveSymlinks: true },
  build: { rollupOptions: { input: pages }, chunkSizeWarningLimit: Infinity },
});
