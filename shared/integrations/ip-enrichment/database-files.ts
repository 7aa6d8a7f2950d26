import { type Clock, HOUR_MS, MINUTE_MS, SECOND_MS } from "../../core/clock.ts";
import type { Logger } from "../../core/telemetry.ts";
import type { IpEnrichment } from "../../events/ip-enrichment.ts";
import { EnrichmentDatabase } from "./enrichment-database.ts";
import { type EnrichmentSource, joinEnrichment } from "./ip-enricher.ts";

/** Interval between two checks of a file. */
const CHECK_EVERY_MS = HOUR_MS;
/** Delay before retrying a file that could not be fetched. */
const TRY_AGAIN_MS = 5 * MINUTE_MS;
/** Time after which `refresh` stops fetching files. The next call fetches the rest. */
const LONGEST_REFRESH_MS = 10 * SECOND_MS;

/** The result of fetching a file. */
export type FetchedFile =
  | { readonly state: "found"; readonly bytes: Buffer; readonly etag: string }
  | { readonly state: "unchanged" }
  | { readonly state: "missing" };

/** A store of files, such as a bucket. */
export interface FileStore {
  /**
   * Fetches a file unless its ETag is unchanged.
   *
   * @throws if the store times out or denies the request, or if the file is too large
   */
  fetch(name: string, etag: string | undefined): Promise<FetchedFile>;
}

export interface DatabaseFilesOptions {
  /** File names, highest priority first. */
  readonly names: readonly string[];
  readonly store: FileStore;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface LoadedFile {
  readonly name: string;
  database?: EnrichmentDatabase | undefined;
  etag?: string | undefined;
  checkAtMs: number;
  /** The problem that was last logged. */
  loggedError?: string | undefined;
}

/**
 * Keeps a store's databases in memory. Fetches each file and checks for a new version every hour, so that a new file
 * needs no deployment. If a file is broken or can't be fetched, the previous version stays in use. Logs each problem
 * once.
 */
export class DatabaseFiles implements EnrichmentSource {
  readonly #files: readonly LoadedFile[];
  #fetching: Promise<void> | undefined;

  constructor(private readonly options: DatabaseFilesOptions) {
    this.#files = options.names.map((name) => ({ name, checkAtMs: 0 }));
  }

  /** Returns the IP enrichment for an address. Each field comes from the first database that has it. */
  find(ip: string): IpEnrichment | undefined {
    return joinEnrichment(...this.#files.map((file) => this.#findIn(file, ip)));
  }

  /** Checks the files that are due and fetches those that changed. Never throws. */
  refresh(): Promise<void> {
    this.#fetching ??= this.#refresh().finally(() => {
      this.#fetching = undefined;
    });
    return this.#fetching;
  }

  #findIn(file: LoadedFile, ip: string): IpEnrichment | undefined {
    try {
      return file.database?.find(ip);
    } catch (error) {
      this.#report(file, "An IP database has corrupt records", error);
      return undefined;
    }
  }

  /** Fetches files one at a time, so that memory holds two versions of at most one file. */
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
        // Stop using a deleted file. Some licences require that.
        file.database = undefined;
        file.etag = undefined;
        this.#report(file, "An IP database is not in the bucket. Upload it", "missing");
      }
      if (fetched.state !== "found") return;
      // Don't fetch a broken file again until it changes.
      file.etag = fetched.etag;
      file.database = new EnrichmentDatabase(fetched.bytes);
      file.loggedError = undefined;
      const { type, buildEpochSeconds } = file.database.metadata;
      logger.info("IP database loaded", {
        database: file.name,
        database_type: type,
        build_epoch: buildEpochSeconds,
        bytes: fetched.bytes.length,
      });
    } catch (error) {
      file.checkAtMs = clock() + TRY_AGAIN_MS;
      this.#report(file, "Failed to load an IP database", error);
    }
  }

  /** Logs a problem once while it lasts. */
  #report(file: LoadedFile, message: string, cause: unknown): void {
    const text = `${message} ${String(cause)}`;
    if (file.loggedError === text) return;
    file.loggedError = text;
    this.options.logger.warn(message, { database: file.name, cause: String(cause) });
  }
}
