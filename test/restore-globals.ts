import { afterAll, vi } from "vitest";

// Test files share a process, so a file's changes must not reach the next file.
afterAll(() => {
  vi.unstubAllEnvs();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
  vi.useRealTimers();
});
