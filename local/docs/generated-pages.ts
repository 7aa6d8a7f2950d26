import { join } from "node:path";
import { architecturePage } from "./architecture-page.ts";
import { commandLinePage } from "./command-line-page.ts";
import { configurationPage } from "./configuration-page.ts";

const ROOT = join(import.meta.dirname, "../..");

/** The generated pages and the functions that make them. */
export const GENERATED_PAGES: readonly { readonly file: string; readonly make: () => string }[] = [
  { file: join(ROOT, "docs/architecture.md"), make: architecturePage },
  { file: join(ROOT, "docs/configuration.md"), make: configurationPage },
  { file: join(ROOT, "docs/command-line.md"), make: commandLinePage },
];
