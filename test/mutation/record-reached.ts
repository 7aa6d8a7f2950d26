import { afterEach, beforeEach } from "vitest";

declare module "vitest" {
  interface TaskMeta {
    /** The places in the code that a test, or the loading of its file, came by. */
    reached?: string[];
  }
}

const reached = new Set<string>();
Object.assign(globalThis, { reached });

function take(): string[] {
  const places = [...reached];
  reached.clear();
  return places;
}

beforeEach(({ task }) => {
  task.file.meta.reached ??= take();
});

afterEach(({ task }) => {
  task.meta.reached = take();
});
