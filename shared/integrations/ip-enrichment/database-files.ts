import { type Clock, HOUR_MS, MINUTE_MS, SECOND_MS } from "../../core/clock.ts";
import type { Logger } from "../../core/logger.ts";
import type { Origin } from "../../events/origin.ts";
import { joinOrigins } from "./join-origins.ts";
import { OriginDatabase } from "./origin-database.ts";
import type { OriginSource } from "./origins.ts";

/** How long a file counts as current. */
const CHECK_EVERY_MS = HOUR_MS;
/** When a file that could not be fetched is tried again. */
const TRY_AGAIN_MS = 5 * MINUTE_MS;
/** After this time, `refresh` begins no further file: the next call does. */
const LONGEST_REFRESH_MS = 10 * SECOND_MS;

/** A file as a store has it, or what became of it. */
export type FetchedFile =
  | { readonly state: "found"; readonly bytes: Buffer; readonly etag: string }
  | { readonly state: "unchanged" }
  | { readonly state: "missing" };

/** Where files are kept, such as a bucket. */
export interface FileStore {
  /**
   * Fetches a file, unless it is still the one of the ETag.
   *
   * @throws when the store does not answer in time, refuses, or has a file that is too large
   */
  fetch(name: string, etag: string | undefined): Promise<FetchedFile>;
}

export interface DatabaseFilesOptions {
  /** The files, the one that counts first. */
  readonly names: readonly string[];
  readonly store: FileStore;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface LoadedFile {
  readonly name: string;
  database?: OriginDatabase | undefined;
  etag?: string | undefined;
  checkAtMs: number;
  /** Whether its log has said that it is missing, or broken. */
  told?: string | undefined;
}

/**
 * The databases of a store, in memory. They are fetched once, and looked at again every hour, so that a new file
 * needs no deployment. A file that is broken or cannot be fetched leaves what was known before. What is wrong is
 * told to the log once.
 */
export class DatabaseFiles implements OriginSource {
  readonly #files: readonly LoadedFile[];
  #fetching: Promise<void> | undefined;

  constructor(private readonly options: DatabaseFilesOptions) {
    this.#files = options.names.map((name) => ({ name, checkAtMs: 0 }));
  }

  /** What the databases say of an address, the first that knows a member first. */
  find(ip: string): Origin | undefined {
    return joinOrigins(...this.#files.map((file) => this.#findIn(file, ip)));
  }

  /** Fetches what is new of the files whose hour is over. It never throws. */
  refresh(): Promise<void> {
    this.#fetching ??= this.#refresh().finally(() => {
      this.#fetching = undefined;
    });
    return this.#fetching;
  }

  #findIn(file: LoadedFile, ip: string): Origin | undefined {
    try {
      return file.database?.find(ip);
    } catch (error) {
      this.#tell(file, "A database of origins has broken records", error);
      return undefined;
    }
  }

  /** One after the other, so that at most one file is in memory twice. */
  async #refresh(): Promise<void> {
    const { clock } = this.options;
    const untilMs = clock() + LONGEST_REFRESH_MS;
    for (const file of this.#files) {
      const nowMs = clock();
      if (nowMs >= file.checkAtMs && nowMs < untilMs) await this.#look(file);
    }
  }

  async #look(file: LoadedFile): Promise<void> {
    const { clock, logger, store } = this.options;
    try {
      const fetched = await store.fetch(file.name, file.etag);
      file.checkAtMs = clock() + CHECK_EVERY_MS;
      if (fetched.state === "missing") {
        // Whoever deletes a file wants it used no more: some licences ask for that.
        file.database = undefined;
        file.etag = undefined;
        this.#tell(file, "A database of origins is not in the bucket: upload it", "missing");
      }
      if (fetched.state !== "found") return;
      // A broken file is not fetched again before it changes.
      file.etag = fetched.etag;
      file.database = new OriginDatabase(fetched.bytes);
      file.told = undefined;
      const { type, buildEpochSeconds } = file.database.metadata;
      logger.info("A database of origins is loaded", {
        database: file.name,
        database_type: type,
        build_epoch: buildEpochSeconds,
        bytes: fetched.bytes.length,
      });
    } catch (error) {
      file.checkAtMs = clock() + TRY_AGAIN_MS;
      this.#tell(file, "A database of origins cannot be loaded", error);
    }
  }

  /** Says what is wrong, and once for as long as it is. */
  #tell(file: LoadedFile, message: string, cause: unknown): void {
    const text = `${message} ${String(cause)}`;
    if (file.told === text) return;
    file.told = text;
    this.options.logger.warn(message, { database: file.name, cause: String(cause) });
  }
}
