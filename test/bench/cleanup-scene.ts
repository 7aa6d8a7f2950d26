import type { World } from "../integration/world.ts";
import { type CleanupProcess, startCleanupProcess } from "./cleanup-beside.ts";
import { createStore, STORED_PER_EXPIRED } from "./cleanup-tokens.ts";

/** Rounds of each comparison. */
export const PURGE_ROUNDS = 8;
export const PURGE_WARM_UP = 1;

/** Share of the expired tokens that are deleted in slices. The rest is used to count reads. */
const SLICED = 0.8;
const SLICES = PURGE_WARM_UP + 2 * PURGE_ROUNDS;

/** Two copies of the same tokens, and the processes that delete them. */
export interface CleanupScene {
  readonly expired: number;
  readonly among: number;
  /**
   * Number of tokens that the cleanup and the deletes by key remove per round. Each cleanup resumes where the last one
   * stopped.
   */
  readonly slice: number;
  readonly removed: World;
  readonly ours: CleanupProcess;
  readonly deleted: World;
  readonly bare: CleanupProcess;
  close(): Promise<void>;
}

/** Stores the tokens for each variant. One token in ten is expired. */
export async function cleanupScene(endpoint: string, expired: number): Promise<CleanupScene> {
  const removed = await createStore(endpoint, expired);
  const deleted = await createStore(endpoint, expired);
  const [ours, bare] = [await startCleanupProcess(removed), await startCleanupProcess(deleted)];
  return {
    expired,
    among: STORED_PER_EXPIRED * expired,
    slice: Math.max(1, Math.floor((SLICED * expired) / SLICES)),
    removed,
    ours,
    deleted,
    bare,
    async close() {
      await Promise.all([ours.close(), bare.close()]);
    },
  };
}
