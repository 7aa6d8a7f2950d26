import { mkdtempSync, rmSync } from "node:fs";
import { isBuiltin } from "node:module";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import type { Metafile } from "esbuild";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  bundleFunctions,
  functionFolders,
  NEVER_LOADED,
} from "../../local/build/bundle-functions.ts";
import { loadedAtStart } from "../bench/deployed-bundles.ts";

const root = join(import.meta.dirname, "../..");

type Output = Metafile["outputs"][string];

let bundles: Readonly<Record<string, Metafile>>;
const outdir = mkdtempSync(join(tmpdir(), "oauth-monitoring-bundles-"));
beforeAll(async () => {
  bundles = await bundleFunctions(root, outdir);
});
afterAll(() => rmSync(outdir, { recursive: true, force: true }));

/** The modules of which something is in the files. */
function modulesOf(files: readonly Output[]): string[] {
  return files.flatMap(({ inputs }) =>
    Object.entries(inputs).flatMap(([path, { bytesInOutput }]) =>
      bytesInOutput > 0 ? [path] : [],
    ),
  );
}

/** The packages that modules come from, as far as their names match. */
function packagesOf(modules: readonly string[], pattern: RegExp): string[] {
  const names = modules.map((path) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? "");
  return [...new Set(names.filter((name) => pattern.test(name)))].toSorted();
}

describe("the bundles", () => {
  it("are one for each function", () => {
    expect(Object.keys(bundles)).toEqual(functionFolders(root));
    expect(Object.keys(bundles).length).toBeGreaterThan(10);
  });

  it("import nothing that Lambda does not have", () => {
    for (const [name, { outputs }] of Object.entries(bundles)) {
      const external = Object.values(outputs).flatMap(({ imports }) =>
        imports.filter(
          ({ external, kind, path }) =>
            external && !(kind === "dynamic-import" && NEVER_LOADED.includes(path)),
        ),
      );
      expect(external, name).not.toEqual([]);
      expect(
        external.map(({ path }) => path).filter((path) => !isBuiltin(path)),
        name,
      ).toEqual([]);
    }
  });
});

describe("the authorizer's bundle", () => {
  const authorizer = () => bundles.authorizer as Metafile;

  it("loads at most 380 KB at a cold start", () => {
    const bytes = loadedAtStart(authorizer()).reduce((sum, file) => sum + file.bytes, 0);
    expect(bytes).toBeGreaterThan(100 * 1024);
    expect(bytes).toBeLessThanOrEqual(380 * 1024);
  });

  it("has the clients of the store and of the bus at its start, and no other", () => {
    const modules = modulesOf(loadedAtStart(authorizer()));
    expect(packagesOf(modules, /^@aws-sdk\/(client|credential-provider)-/)).toEqual([
      "@aws-sdk/client-dynamodb",
      "@aws-sdk/client-eventbridge",
      "@aws-sdk/credential-provider-env",
    ]);
  });

  it("loads the queue for unpublished events only once the bus fails", () => {
    const started = new Set(loadedAtStart(authorizer()));
    const later = Object.entries(authorizer().outputs).filter(([, file]) => !started.has(file));
    expect(later.map(([path]) => basename(path).replace(/-[A-Z0-9]+\.mjs$/, ""))).toContain(
      "unpublished-queue",
    );
    expect(packagesOf(modulesOf(later.map(([, file]) => file)), /^@aws-sdk\/client-/)).toContain(
      "@aws-sdk/client-sqs",
    );
  });

  it("has no module of another function or feature", () => {
    const own = modulesOf(Object.values(authorizer().outputs)).filter(
      (path) => !path.includes("node_modules/"),
    );
    const folders = new Set(own.map((path) => path.split("/").slice(0, 2).join("/")));
    for (const foreign of [
      "statistics",
      "event-store",
      "detection",
      "providers",
      "ocsf",
      "cleanup",
    ]) {
      expect([...folders]).not.toContain(`shared/${foreign}`);
    }
    expect([...folders].filter((folder) => folder.startsWith("functions/")).toSorted()).toEqual([
      "functions/authorizer",
      "functions/runtime",
    ]);
  });
});

describe("the bundles that read providers' events", () => {
  it.each(["subscriber", "ocsf-export"])("load JSONPath only for a mapping: %s", (name) => {
    const { outputs } = bundles[name] as Metafile;
    const started = loadedAtStart(bundles[name] as Metafile);
    expect(packagesOf(modulesOf(started), /^json-p3$/)).toEqual([]);
    expect(packagesOf(modulesOf(Object.values(outputs)), /^json-p3$/)).toEqual(["json-p3"]);
    // Every known provider is there at the start.
    const own = modulesOf(started).filter((path) => path.startsWith("shared/providers/"));
    expect(own).toContain("shared/providers/entra.ts");
    expect(own).not.toContain("shared/providers/mapped-provider.ts");
  });
});
