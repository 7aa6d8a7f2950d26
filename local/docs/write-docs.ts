import { writeFileSync } from "node:fs";
import { GENERATED_PAGES } from "./generated-pages.ts";

for (const { file, make } of GENERATED_PAGES) writeFileSync(file, make());
