import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { isBuiltin } from "node:module";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import type { Metafile } from "esbuild";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { synthesize } from "../../infra/synthesize.ts";
import {
  bundleFunctions,
  type FunctionBundle,
  NEVER_LOADED,
} from "../../local/build/bundle-functions.ts";
import { Template } from "../../local/services/template.ts";
import { loadedAtStart, loadedOnNeed } from "../bench/deployed-bundles.ts";

const root = join(import.meta.dirname, "../..");

type Output = Metafile["outputs"][string];

let bundles: Readonly<Record<string, FunctionBundle>>;
const outdir = mkdtempSync(join(tmpdir(), "oauth-monitoring-bundles-"));
beforeAll(async () => {
  bundles = await bundleFunctions(root, outdir);
});
afterAll(() => rmSync(outdir, { recursive: true, force: true }));

/** Returns the modules that contribute code to the files. */
function getModules(files: readonly Output[]): string[] {
  return files.flatMap(({ inputs }) =>
    Object.entries(inputs).flatMap(([path, { bytesInOutput }]) =>
      bytesInOutput > 0 ? [path] : [],
    ),
  );
}

/** Returns the packages that the modules come from and whose names match the pattern. */
function getPackages(modules: readonly string[], pattern: RegExp): string[] {
  const names = modules.map((path) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? "");
  return [...new Set(names.filter((name) => pattern.test(name)))].toSorted();
}

describe("function bundles", () => {
  it("contain an entry point for each function in the stack", () => {
    const functions = new Template(synthesize(join(outdir, "assembly")), "http://127.0.0.1:9")
      .resources<{ Environment?: { Variables: Record<string, string> } }>("AWS::Lambda::Function")
      .flatMap(({ properties }) => properties.Environment?.Variables.POWERTOOLS_SERVICE_NAME ?? []);
    expect(functions.length).toBeGreaterThan(10);
    // Off by default: export, approval links, Shared Signals, webhooks and provider endpoints.
    const off = [
      "ocsf-export",
      "approvals",
      "webhook",
      "provider-endpoint",
      ...["receiver", "poller", "streams", "transmitter", "delivery"].map(
        (name) => `signal-${name}`,
      ),
    ];
    expect(Object.keys(bundles).toSorted()).toEqual([...functions, ...off].toSorted());
    for (const [name, { file }] of Object.entries(bundles)) {
      expect(existsSync(join(outdir, file)), name).toBe(true);
    }
  });

  it("share one asset per folder, from which each function loads only its own part", () => {
    const { stats, clients } = bundles as Record<string, FunctionBundle>;
    expect(stats?.file).toBe("admin-routes/stats.mjs");
    expect(clients?.metafile).toBe(stats?.metafile);
    const modules = getModules(loadedAtStart(stats as FunctionBundle));
    expect(modules).toContain("functions/admin-routes/stats.ts");
    expect(modules.filter((path) => path.startsWith("functions/admin-routes/"))).toHaveLength(1);
  });

  it("import only modules that Lambda provides", () => {
    for (const [name, { metafile }] of Object.entries(bundles)) {
      const external = Object.values(metafile.outputs).flatMap(({ imports }) =>
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

describe("subscriber bundle", () => {
  it("loads the S3 client only when IP databases are configured", () => {
    const subscriber = bundles.subscriber as FunctionBundle;
    const s3 = /^@aws-sdk\/client-s3$/;
    expect(getPackages(getModules(loadedAtStart(subscriber)), s3)).toEqual([]);
    const later = loadedOnNeed(subscriber).filter(
      (file) => getPackages(getModules([file]), s3).length > 0,
    );
    expect(later).toHaveLength(1);
    expect(later[0]?.bytes).toBeLessThanOrEqual(160 * 1024);
  });
});

describe("authorizer bundle", () => {
  const authorizer = () => bundles.authorizer as FunctionBundle;
  const named = ({ metafile }: FunctionBundle, file: Output) =>
    basename(Object.keys(metafile.outputs).find((path) => metafile.outputs[path] === file) ?? "");

  // 394 KB today. That includes the deny list check and the complete configuration schema, because
  // every function validates the whole configuration.
  it("loads at most 398 KB at a cold start", () => {
    const bytes = loadedAtStart(authorizer()).reduce((sum, file) => sum + file.bytes, 0);
    expect(bytes).toBeGreaterThan(100 * 1024);
    expect(bytes).toBeLessThanOrEqual(398 * 1024);
  });

  it("loads only the DynamoDB client at a cold start", () => {
    const modules = getModules(loadedAtStart(authorizer()));
    expect(getPackages(modules, /^@aws-sdk\/(client|credential-provider)-/)).toEqual([
      "@aws-sdk/client-dynamodb",
      "@aws-sdk/credential-provider-env",
    ]);
  });

  it("loads the EventBridge client only for the first events, after the response", () => {
    const later = loadedOnNeed(authorizer());
    expect(getPackages(getModules(later), /^@aws-sdk\/client-/)).toContain(
      "@aws-sdk/client-eventbridge",
    );
  });

  it("loads the queue for unpublished events only when EventBridge fails", () => {
    const later = loadedOnNeed(authorizer());
    const names = later.map((file) => named(authorizer(), file).replace(/-[A-Z0-9]+\.mjs$/, ""));
    expect(names).toContain("unpublished-queue");
    expect(getPackages(getModules(later), /^@aws-sdk\/client-/)).toContain("@aws-sdk/client-sqs");
  });

  it("loads the token verification for other issuers only when issuers are configured", () => {
    expect(getPackages(getModules(loadedAtStart(authorizer())), /^jose$/)).toEqual([]);
    const verifiers = loadedOnNeed(authorizer()).filter((file) =>
      named(authorizer(), file).startsWith("other-issuers-"),
    );
    expect(getPackages(getModules(verifiers), /^jose$/)).toEqual(["jose"]);
    const bytes = verifiers.reduce((sum, file) => sum + file.bytes, 0);
    expect(bytes).toBeGreaterThan(10 * 1024);
    expect(bytes).toBeLessThanOrEqual(64 * 1024);
  });

  it("contains no modules from other functions or features", () => {
    const own = getModules(Object.values(authorizer().metafile.outputs)).filter(
      (path) => !path.includes("node_modules/"),
    );
    const folders = new Set(own.map((path) => path.split("/").slice(0, 2).join("/")));
    for (const foreign of [
      "audit-log",
      "cleanup",
      "cost",
      "detection",
      "integrations",
      "response",
      "statistics",
    ]) {
      expect([...folders]).not.toContain(`shared/${foreign}`);
    }
    expect([...folders].filter((folder) => folder.startsWith("functions/")).toSorted()).toEqual([
      "functions/authorizer",
      "functions/runtime",
    ]);
  });
});

describe("bundles that read provider events", () => {
  it.each(["subscriber", "ocsf-export"])("load JSONPath only for mapped providers: %s", (name) => {
    const bundle = bundles[name] as FunctionBundle;
    const started = loadedAtStart(bundle);
    expect(getPackages(getModules(started), /^json-p3$/)).toEqual([]);
    expect(getPackages(getModules(loadedOnNeed(bundle)), /^json-p3$/)).toEqual(["json-p3"]);
    // Every built-in provider is loaded at a cold start.
    const own = getModules(started).filter((path) =>
      path.startsWith("shared/integrations/providers/"),
    );
    expect(own).toContain("shared/integrations/providers/entra.ts");
    expect(own).not.toContain("shared/integrations/providers/mapped-provider.ts");
  });
});
