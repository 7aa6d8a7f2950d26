import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { synthesize } from "../infra/synthesize.ts";
import type { Assembly } from "../local/services/template.ts";

declare module "vitest" {
  export interface ProvidedContext {
    assembly: Assembly;
  }
}

/** Synthesizes the app, bundles included, once for all tests. */
export default function setup(project: TestProject): () => void {
  const directory = mkdtempSync(join(tmpdir(), "oauth-monitoring-"));
  project.provide("assembly", synthesize(directory));
  return () => rmSync(directory, { recursive: true, force: true });
}
