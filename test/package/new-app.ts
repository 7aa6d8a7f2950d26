import { execFile } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

export const ROOT = join(import.meta.dirname, "../..");

const exec = promisify(execFile);

/** Runs a command in a directory as a user would, without npm's environment variables. */
export function run(cwd: string, command: string, ...args: string[]): Promise<string> {
  // If a command hangs, the timeout ends it and the error names it.
  return runWithin(240_000, cwd, command, ...args);
}

async function runWithin(timeout: number, cwd: string, command: string, ...args: string[]) {
  const env = Object.fromEntries(
    Object.entries(process.env).filter(
      // Keeps the machine's own certificates.
      ([name]) => !/^(npm_|NODE_(?!EXTRA_CA_CERTS)|VITEST|INIT_CWD)/.test(name),
    ),
  );
  try {
    const { stdout } = await exec(command, args, { cwd, env, maxBuffer: 64 << 20, timeout });
    return stdout;
  } catch (error) {
    const { stdout = "", stderr = "" } = error as { stdout?: string; stderr?: string };
    throw new Error(`${command} ${args.join(" ")} failed:\n${stdout}\n${stderr}`);
  }
}

/** Packs the built package. Returns the path of the tarball. */
export async function pack(folder: string): Promise<string> {
  const [packed] = JSON.parse(
    await run(ROOT, "npm", "pack", "--json", "--ignore-scripts", "--pack-destination", folder),
  );
  return join(folder, packed.filename);
}

/** Creates a temporary directory. */
export const newFolder = (name: string): string => mkdtempSync(join(tmpdir(), `${name}-`));

/** Creates an app with `cdk init app --language typescript` and installs our package. */
export async function newCdkApp(tarball: string): Promise<string> {
  const folder = join(newFolder("cdk"), "shop");
  mkdirSync(folder);
  const cdk = join(ROOT, "node_modules/.bin/cdk");
  await run(folder, cdk, "init", "app", "--language", "typescript", "--generate-only");
  await install(folder);
  await install(folder, tarball);
  return folder;
}

/** Copies an example that depends on our packed package instead of the repository. */
export async function newExample(name: string, tarball: string): Promise<string> {
  const folder = join(newFolder("example"), name);
  const notOurs = /\/(node_modules|cdk\.out|package-lock\.json)$/;
  cpSync(join(ROOT, "examples", name), folder, {
    recursive: true,
    filter: (source) => !notOurs.test(source),
  });
  edit(join(folder, "package.json"), (text) => text.replace("file:../..", `file:${tarball}`));
  await install(folder);
  return folder;
}

/** Installs packages into a directory. Retries once if the registry does not respond. */
export async function install(folder: string, ...packages: string[]): Promise<void> {
  const args = ["install", "--prefer-offline", "--no-audit", "--no-fund", ...packages];
  try {
    await runWithin(90_000, folder, "npm", ...args);
  } catch {
    await run(folder, "npm", ...args);
  }
}

/** Returns the total size of all files in a directory, in bytes. */
export function bytesIn(folder: string): number {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((name) => statSync(join(folder, name), { throwIfNoEntry: false }))
    .reduce((sum, found) => sum + (found?.isFile() ? found.size : 0), 0);
}

/** Copies an app and its links to packages. */
export function copyApp(from: string, to: string): void {
  cpSync(from, to, { recursive: true, verbatimSymlinks: true });
}

/** Changes a text file. */
export function edit(file: string, change: (text: string) => string): void {
  writeFileSync(file, change(readFileSync(file, "utf8")));
}
