import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { isBuiltin } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Metafile } from "esbuild";
import { afterAll, describe, expect, inject, it } from "vitest";
import { esbuildArguments, root, type STAND_INS } from "../../infra/constructs/bundling.ts";
import { type DeployedBundle, deployedBundles } from "../bench/deployed-bundles.ts";

const bundles = deployedBundles(inject("assembly"));
const directory = mkdtempSync(join(tmpdir(), "oauth-monitoring-bundles-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** What esbuild says of a function's bundle. */
interface Contents {
  readonly bytes: number;
  /** Modules of which something is in the bundle, with what each of them imports. */
  readonly modules: Readonly<Record<string, Metafile["inputs"][string]["imports"]>>;
  /** What is imported from outside the bundle. */
  readonly external: readonly string[];
}

/** Bundles a function once more, to see what is in it. */
function look({ name, onNeed }: DeployedBundle): Contents {
  const outfile = join(directory, `${name}.mjs`);
  const metafile = join(directory, `${name}.json`);
  const args = [
    ...esbuildArguments(`${root}functions/${name}/handler.ts`, outfile),
    ...onNeed.map((beside) => `--external:./${beside.name}`),
    `--metafile=${metafile}`,
    "--log-level=error",
  ];
  execFileSync(join(root, "node_modules/.bin/esbuild"), args, { cwd: root });
  const { inputs, outputs } = JSON.parse(readFileSync(metafile, "utf8")) as Metafile;
  const [output] = Object.values(outputs);
  const included = Object.entries(output?.inputs ?? {}).filter(
    ([, part]) => part.bytesInOutput > 0,
  );
  return {
    bytes: output?.bytes ?? 0,
    modules: Object.fromEntries(included.map(([path]) => [path, inputs[path]?.imports ?? []])),
    external: output?.imports.map(({ path }) => path) ?? [],
  };
}

const contents = new Map(bundles.map((bundle) => [bundle.name, look(bundle)]));

function contentsOf(name: string): Contents {
  const found = contents.get(name);
  if (!found) throw new Error(`the stack has no function ${name}`);
  return found;
}

/** The packages that modules come from, as far as their names match. */
function packages({ modules }: Contents, pattern: RegExp): string[] {
  const names = Object.keys(modules).map(
    (path) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? "",
  );
  return [...new Set(names.filter((name) => pattern.test(name)))].toSorted();
}

describe("the bundles", () => {
  it("are what is looked into here", () => {
    expect(bundles.length).toBeGreaterThan(10);
    for (const { name, bytes } of bundles) expect(contentsOf(name).bytes, name).toBe(bytes);
  });

  it("import nothing that Lambda does not have or that does not lie beside them", () => {
    for (const { name, file } of bundles) {
      const missing = contentsOf(name).external.filter(
        (path) => !isBuiltin(path) && !existsSync(join(dirname(file), path)),
      );
      expect(missing, name).toEqual([]);
    }
  });
});

// An update of the SDK that asks for one of these parts anywhere else has to be looked at.
describe("the parts of the SDK that are replaced", () => {
  const askedFor = (part: keyof typeof STAND_INS) =>
    new Set(
      [...contents.values()]
        .flatMap(({ modules }) => Object.entries(modules))
        .flatMap(([path, imports]) =>
          imports
            .filter(({ original }) => original === part || original?.startsWith(`${part}/`))
            .map(({ kind }) => `${path.replace("node_modules/", "")} ${kind}`),
        ),
    );

  it("are the credential chain, where a client looks for its default", () => {
    const clients = ["dynamodb", "eventbridge", "sns", "sqs"];
    expect(askedFor("@aws-sdk/credential-provider-node")).toEqual(
      new Set(
        clients.map(
          (client) => `@aws-sdk/client-${client}/dist-es/runtimeConfig.js import-statement`,
        ),
      ),
    );
  });

  it("are the endpoint cache, which is made and which nothing looks into", () => {
    expect(askedFor("@aws-sdk/endpoint-cache")).toEqual(
      new Set([
        "@aws-sdk/middleware-endpoint-discovery/dist-es/resolveEndpointDiscoveryConfig.js import-statement",
      ]),
    );
    for (const [name, { modules }] of contents) {
      const discovering = Object.keys(modules).filter((path) =>
        /endpointDiscoveryMiddleware|updateDiscoveredEndpointInCache/.test(path),
      );
      expect(discovering, name).toEqual([]);
    }
  });

  it("are EventBridge's signatures for several regions", () => {
    expect(askedFor("@aws-sdk/signature-v4-multi-region")).toEqual(
      new Set([
        "@aws-sdk/client-eventbridge/dist-es/auth/httpAuthSchemeProvider.js import-statement",
        "@aws-sdk/client-eventbridge/dist-es/runtimeConfig.shared.js import-statement",
      ]),
    );
  });

  it("are event streams, which the SDK imports once an operation has one", () => {
    expect(askedFor("@smithy/core/event-streams")).toEqual(
      new Set(["@smithy/core/dist-es/submodules/protocols/HttpProtocol.js dynamic-import"]),
    );
  });
});

describe("the authorizer's bundle", () => {
  const authorizer = contentsOf("authorizer");

  it("has at most 350 KB", () => {
    expect(authorizer.bytes).toBeLessThanOrEqual(350 * 1024);
  });

  it("has the clients of the store and of the bus, and no other", () => {
    expect(packages(authorizer, /^@aws-sdk\/(client|credential-provider)-/)).toEqual([
      "@aws-sdk/client-dynamodb",
      "@aws-sdk/client-eventbridge",
      "@aws-sdk/credential-provider-env",
    ]);
  });

  it("has no module of another function or feature", () => {
    const own = Object.keys(authorizer.modules).filter((path) => !path.includes("node_modules/"));
    const folders = new Set(own.map((path) => path.split("/").slice(0, 2).join("/")));
    expect([...folders].filter((folder) => !folder.endsWith(".ts")).toSorted()).toEqual([
      "functions/authorizer",
      "functions/runtime",
      "shared/authorization",
      "shared/clock",
      "shared/config",
      "shared/dynamodb",
      "shared/events",
      "shared/sessions",
      "shared/tokens",
    ]);
  });

  it("has the queue for events that the bus does not take beside it", () => {
    const { onNeed } = bundles.find(({ name }) => name === "authorizer") as DeployedBundle;
    expect(onNeed.map(({ name }) => name)).toEqual(["unpublished-queue.mjs"]);
    expect(authorizer.external).toContain("./unpublished-queue.mjs");
  });
});
