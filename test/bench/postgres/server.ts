import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { chownSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { findPort } from "../../../local/services/find-port.ts";

/** A running PostgreSQL with an empty database. */
export interface Postgres {
  /** Opens a connection, which the caller must end. */
  connect(): Promise<pg.Client>;
  /** Stops the server and removes its files. */
  close(): Promise<void>;
}

/** Location of PostgreSQL 15 on Debian. */
const BINARIES = "/usr/lib/postgresql/15/bin";
const INSTALL =
  "the comparison needs PostgreSQL 15: apt-get update && apt-get install -y postgresql-15";
const STARTUP_MS = 30_000;
const USER = "bench";
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/**
 * Returns the user that the PostgreSQL package creates, if this process runs as root. PostgreSQL refuses to run as
 * root.
 */
function ownerForRoot(): Owner | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const idOf = (flag: "-u" | "-g") => {
    const { status, stdout } = spawnSync("id", [flag, "postgres"], { encoding: "utf8" });
    if (status !== 0) throw new Error(`there is no user postgres to run it as; ${INSTALL}`);
    return Number(stdout);
  };
  return { uid: idOf("-u"), gid: idOf("-g") };
}

/** Creates a data directory with one user that signs in with the password. */
function initialize(directory: string, password: string, owner: Owner | undefined): string {
  const [data, passwordFile] = [join(directory, "data"), join(directory, "password")];
  writeFileSync(passwordFile, password, { mode: 0o600 });
  if (owner) for (const path of [directory, passwordFile]) chownSync(path, owner.uid, owner.gid);
  const { status, stderr } = spawnSync(
    join(BINARIES, "initdb"),
    [
      `--pgdata=${data}`,
      `--username=${USER}`,
      `--pwfile=${passwordFile}`,
      "--auth=scram-sha-256",
      "--encoding=UTF8",
      "--locale=C.UTF-8",
    ],
    { ...owner, cwd: directory, encoding: "utf8" },
  );
  if (status !== 0) throw new Error(`initdb failed: ${stderr}`);
  rmSync(passwordFile);
  return data;
}

/** Waits until the server accepts connections. */
async function answering(
  server: ChildProcess,
  settings: pg.ClientConfig,
  log: () => string,
): Promise<void> {
  let last: unknown;
  for (const end = Date.now() + STARTUP_MS; Date.now() < end; await sleep(50)) {
    if (server.exitCode !== null) throw new Error(`PostgreSQL ended at once: ${log()}`);
    const client = new pg.Client(settings);
    try {
      await client.connect();
      await client.end();
      return;
    } catch (error) {
      last = error;
    }
  }
  throw new Error(`PostgreSQL did not answer within ${STARTUP_MS} ms: ${last} ${log()}`);
}

/**
 * Starts PostgreSQL 15 on a free port of 127.0.0.1, in a temporary directory, with the defaults of `initdb`: fsync and
 * synchronous_commit on, shared_buffers 128 MB, autovacuum on. Stops it and removes its files on `close`, on exit and
 * on interrupt.
 *
 * @throws Error with the install command when it is missing
 */
export async function startPostgres(): Promise<Postgres> {
  if (!existsSync(join(BINARIES, "initdb"))) throw new Error(INSTALL);
  const owner = ownerForRoot();
  const port = await findPort(0, "the port");
  const password = randomBytes(18).toString("base64url");
  const directory = mkdtempSync(join(tmpdir(), "oauth-monitoring-postgres-"));
  let server: ChildProcess | undefined;
  const remove = () => rmSync(directory, { recursive: true, force: true, maxRetries: 10 });
  // SIGQUIT stops every backend immediately, without a checkpoint of files that will be deleted.
  const abort = () => {
    server?.kill("SIGQUIT");
    remove();
  };
  const interrupted = async (signal: NodeJS.Signals) => {
    await close();
    process.exit(128 + constants.signals[signal]);
  };
  const close = async () => {
    for (const signal of SIGNALS) process.removeListener(signal, interrupted);
    if (server && server.exitCode === null && server.signalCode === null) {
      server.kill("SIGQUIT");
      await once(server, "exit");
    }
    process.removeListener("exit", abort);
    remove();
  };
  process.once("exit", abort);
  for (const signal of SIGNALS) process.once(signal, interrupted);
  try {
    const data = initialize(directory, password, owner);
    const parameters = { listen_addresses: "127.0.0.1", port, unix_socket_directories: "" };
    const switches = Object.entries(parameters).flatMap(([name, value]) => [
      "-c",
      `${name}=${value}`,
    ]);
    server = spawn(join(BINARIES, "postgres"), ["-D", data, ...switches], {
      ...owner,
      cwd: directory,
      stdio: ["ignore", "ignore", "pipe"],
      // Runs in a separate session, so that Ctrl-C does not reach it directly and we can shut it down cleanly.
      detached: true,
    });
    let log = "";
    server.stderr?.on("data", (chunk: Buffer) => {
      log = (log + chunk.toString()).slice(-4000);
    });
    const settings: pg.ClientConfig = {
      host: "127.0.0.1",
      port,
      user: USER,
      password,
      database: "postgres",
      options: "-c TimeZone=UTC",
    };
    await answering(server, settings, () => log);
    return {
      async connect() {
        const client = new pg.Client(settings);
        // A lost connection fails its next query. Without a listener, this event would end the process.
        client.on("error", () => {});
        await client.connect();
        return client;
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
