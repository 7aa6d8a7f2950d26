import { afterEach, beforeEach } from "vitest";

declare module "vitest" {
  interface TaskMeta {
    /** IDs of the functions that a test, or loading its file, reached. */
    reached?: string[];
  }
}

const reached = new Set<string>();
Object.assign(globalThis, { reached });

function take(): string[] {
  const locations = [...reached];
  reached.clear();
  return locations;
}

beforeEach(({ task }) => {
  task.file.meta.reached ??= take();
});

afterEach(({ task }) => {
  task.meta.reached = take();
});
