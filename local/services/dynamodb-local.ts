import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import { createRequire } from "node:module";
import { delimiter, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { findPort } from "./find-port.ts";

/** A running DynamoDB Local. */
export interface DynamoDbLocal {
  readonly endpoint: string;
  readonly port: number;
  close(): Promise<void>;
}

const require = createRequire(import.meta.url);
const STARTUP_MS = 30_000;
const SERVER_CONFIGURATION = fileURLToPath(new URL("./dynamodb-local.xml", import.meta.url));

/**
 * Starts Amazon's DynamoDB Local on 127.0.0.1. Needs Java 17.
 *
 * @param port 0 for any free port
 * @param dataDirectory keeps the tables between runs; without it, tables are kept in memory only
 */
export async function startDynamoDbLocal(options: {
  readonly port: number;
  readonly dataDirectory?: string | undefined;
  /** If `false`, each access key has its own tables. */
  readonly sharedDb?: boolean;
}): Promise<DynamoDbLocal> {
  const port = await findPort(options.port, "DYNAMODB_PORT");
  const emulator = join(
    dirname(require.resolve("amplify-dynamodb-simulator/package.json")),
    "emulator",
  );
  if (options.dataDirectory !== undefined) await mkdir(options.dataDirectory, { recursive: true });
  const libraries = join(emulator, "DynamoDBLocal_lib");
  const child = spawn(
    "java",
    [
      // Less CPU time for a store that runs for minutes and holds little.
      "-XX:TieredStopAtLevel=1",
      "-XX:+UseSerialGC",
      `-Djava.library.path=${libraries}`,
      "-cp",
      [join(emulator, "DynamoDBLocal.jar"), join(libraries, "*")].join(delimiter),
      "org.eclipse.jetty.xml.XmlConfiguration",
      SERVER_CONFIGURATION,
      `port=${port}`,
      `sharedDb=${options.sharedDb ?? true}`,
      `inMemory=${options.dataDirectory === undefined}`,
      ...(options.dataDirectory === undefined ? [] : [`dbPath=${options.dataDirectory}`]),
    ],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  let stderr = "";
  child.stderr.on("data", (chunk: Buffer) => {
    stderr = (stderr + chunk.toString()).slice(-4000);
  });
  const killWithUs = () => child.kill("SIGKILL");
  process.once("exit", killWithUs);
  const close = async () => {
    process.removeListener("exit", killWithUs);
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill();
    await once(child, "exit");
  };
  const endpoint = `http://127.0.0.1:${port}`;
  try {
    await answering(child, endpoint, () => stderr);
  } catch (error) {
    await close();
    throw error;
  }
  return { endpoint, port, close };
}

const INSTALL_JAVA =
  "DynamoDB Local needs Java 17 or later. Install it: apt-get update && apt-get install -y openjdk-17-jre-headless";

/**
 * Checks that Java is installed.
 *
 * @throws Error with the command that installs Java
 */
export async function requireJava(): Promise<void> {
  await promisify(execFile)("java", ["-version"]).catch(() => {
    throw new Error(INSTALL_JAVA);
  });
}

/** Waits until DynamoDB Local responds. If Java is missing, the error says how to install it. */
async function answering(
  child: ChildProcess,
  endpoint: string,
  stderr: () => string,
): Promise<void> {
  let failure: Error | undefined;
  child.once("error", (error: NodeJS.ErrnoException) => {
    failure = error.code === "ENOENT" ? new Error(INSTALL_JAVA) : error;
  });
  child.once("exit", (code) => {
    failure ??= new Error(`DynamoDB Local exited with code ${code}: ${stderr()}`);
  });
  for (const end = Date.now() + STARTUP_MS; Date.now() < end; await sleep(50)) {
    if (failure) throw failure;
    try {
      await fetch(endpoint);
      return;
    } catch {
      // Not listening yet.
    }
  }
  throw new Error(`DynamoDB Local did not respond within ${STARTUP_MS} ms: ${stderr()}`);
}
