import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { findPort } from "../../../infra/local/find-port.ts";

/** A running PostgreSQL with an empty database of its own. */
export interface Postgres {
  /** Opens a connection; the caller ends it. */
  connect(): Promise<pg.Client>;
  close(): Promise<void>;
}

/** Where Debian's package has its programs. */
const PROGRAMS = "/usr/lib/postgresql/15/bin";
const USER = "bench";
const STARTUP_MS = 30_000;

/** Whom PostgreSQL runs as: it refuses root, for whom Debian's package brings the user `postgres`. */
function runAs(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const id = (flag: string) => Number(execFileSync("id", [flag, "postgres"], { encoding: "utf8" }));
  return { uid: id("-u"), gid: id("-g") };
}

/**
 * Starts PostgreSQL 15 on a free port of 127.0.0.1, as Debian delivers it: every setting has its default,
 * so that what is committed is on disk. Its data is gone with it.
 *
 * @throws Error with the line that installs it when it is not there
 */
export async function startPostgres(): Promise<Postgres> {
  if (!existsSync(join(PROGRAMS, "initdb"))) {
    throw new Error(
      "the comparison needs PostgreSQL 15: apt-get update && apt-get install -y postgresql-15",
    );
  }
  const user = runAs();
  const data = mkdtempSync(join(tmpdir(), "oauth-monitoring-postgres-"));
  const removeData = () => rmSync(data, { recursive: true, force: true });
  if (user.uid !== undefined && user.gid !== undefined) chownSync(data, user.uid, user.gid);
  const as = { ...user, cwd: data };
  execFileSync(
    join(PROGRAMS, "initdb"),
    ["-D", data, "-U", USER, "--auth=trust", "--encoding=UTF8", "--no-locale"],
    { ...as, stdio: "ignore" },
  );
  const port = await findPort(0, "");
  const child = spawn(
    join(PROGRAMS, "postgres"),
    ["-D", data, "-p", String(port), "-h", "127.0.0.1", "-k", data],
    { ...as, stdio: "ignore" },
  );
  const killWithUs = () => {
    child.kill("SIGQUIT");
    removeData();
  };
  process.once("exit", killWithUs);
  const connect = async () => {
    const client = new pg.Client({ host: "127.0.0.1", port, user: USER, database: "postgres" });
    await client.connect();
    return client;
  };
  const close = async () => {
    process.removeListener("exit", killWithUs);
    if (child.exitCode === null && child.signalCode === null) {
      // Fast shutdown: connections that are left are cut.
      child.kill("SIGINT");
      await once(child, "exit");
    }
    removeData();
  };
  for (const end = Date.now() + STARTUP_MS; ; await sleep(50)) {
    try {
      await (await connect()).end();
      return { connect, close };
    } catch (error) {
      if (child.exitCode === null && Date.now() < end) continue;
      await close();
      throw new Error("PostgreSQL does not start", { cause: error });
    }
  }
}
