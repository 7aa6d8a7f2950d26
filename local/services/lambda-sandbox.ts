import { spawn } from "node:child_process";
import type { Readable } from "node:stream";
import { Worker } from "node:worker_threads";

/** The thread or process in which an execution environment's runtime runs. */
export interface LambdaSandbox {
  /** Stops all work, including timers and sockets, as Lambda does until the next invocation. */
  freeze(): void;
  /** Resumes the work. */
  thaw(): void;
  /** Stops the runtime immediately. */
  end(): void;
}

/** Callbacks of a sandbox. */
interface SandboxEvents {
  readonly onExit: (reason: string) => void;
  readonly onLine: (line: string) => void;
}

type Variables = Readonly<Record<string, string>>;

const BOOTSTRAP = new URL("./lambda-bootstrap.mjs", import.meta.url);

const ENDED = "the function's environment exited";

function readLines(streams: readonly Readable[], onLine: (line: string) => void): void {
  for (const stream of streams) {
    stream.on("data", (chunk: Buffer) => {
      for (const line of chunk.toString().split("\n")) if (line) onLine(line);
    });
  }
}

/** Runs our own runtime in a worker thread, which starts fast but cannot be frozen. */
function startWorker(env: Variables, { onExit, onLine }: SandboxEvents): LambdaSandbox {
  const worker = new Worker(BOOTSTRAP, {
    env: { ...env },
    execArgv: [],
    stdout: true,
    stderr: true,
  });
  readLines([worker.stdout, worker.stderr], onLine);
  worker.on("error", (error) => onExit(`the function crashed: ${error.message}`));
  worker.on("exit", () => onExit(ENDED));
  return { freeze: () => {}, thaw: () => {}, end: () => void worker.terminate() };
}

/** Runs AWS's runtime interface client in a separate process, which can be frozen. */
function startProcess(
  client: string,
  env: Variables,
  { onExit, onLine }: SandboxEvents,
): LambdaSandbox {
  const { _HANDLER: handler = "" } = env;
  const child = spawn(process.execPath, [client, handler], {
    cwd: env.LAMBDA_TASK_ROOT,
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  readLines([child.stdout, child.stderr], onLine);
  child.on("error", (error) => onExit(`the runtime could not be started: ${error.message}`));
  child.on("exit", () => onExit(ENDED));
  return {
    freeze: () => void child.kill("SIGSTOP"),
    thaw: () => void child.kill("SIGCONT"),
    end: () => void child.kill("SIGKILL"),
  };
}

/**
 * Starts a function's runtime.
 *
 * @param runtimeClient path of the `aws-lambda-ric` program, to use AWS's runtime instead of ours
 */
export function startSandbox(
  env: Variables,
  events: SandboxEvents,
  runtimeClient: string | undefined,
): LambdaSandbox {
  return runtimeClient === undefined
    ? startWorker(env, events)
    : startProcess(runtimeClient, env, events);
}
