import { setTimeout as sleep } from "node:timers/promises";
import { importJWK, type JWK, jwtVerify } from "jose";
import { loadOtherIssuers } from "../../shared/authorization/authorize.ts";
import { parseMonitoringConfig } from "../../shared/config/monitoring-config.ts";
import { systemClock } from "../../shared/core/clock.ts";
import { startSigningIssuer } from "../integration/signing-issuer.ts";
import type { BenchmarkTable } from "./benchmark.ts";
import { median } from "./percentile.ts";

const BLOCKS = 30;
const WARM_UP_BLOCKS = 10;
const CALLS_PER_BLOCK = 150;
const AUDIENCE = "https://api.example.com";

/** Measures the mean CPU time of one kind of verification, in microseconds. */
async function measureCpu(verify: () => Promise<unknown>): Promise<number> {
  let micros = 0;
  for (let call = 0; call < CALLS_PER_BLOCK; call += 1) {
    // Waits like a function between two calls, so that the thread that verifies signatures becomes idle too.
    await sleep(1);
    const before = process.cpuUsage();
    await verify();
    const { user, system } = process.cpuUsage(before);
    micros += user + system;
  }
  return micros / CALLS_PER_BLOCK;
}

async function measure(alg: string): Promise<(string | number)[][]> {
  const issuer = await startSigningIssuer({ alg });
  try {
    const nowSeconds = Math.floor(systemClock() / 1000);
    const token = await issuer.sign({
      iss: issuer.issuer,
      sub: "9b2d4c1a-53a7-4a3e-8a0d-6e2b7f9c1d22",
      aud: AUDIENCE,
      client_id: "3f1c2d9e-8a44-4b8e-9b5d-0d9a6f1f7c11",
      iat: nowSeconds,
      exp: nowSeconds + 3600,
      jti: "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
      scope: "api:read api:write",
    });
    const config = parseMonitoringConfig({
      issuers: [{ issuer: issuer.issuer, audiences: [AUDIENCE] }],
    });
    const others = await loadOtherIssuers(config, { clock: systemClock });
    if (!others) throw new Error("no issuers are configured");
    const context = { defer: () => {} } as never;
    const request = { method: "GET", path: "/api/data" };
    const decide = async () => {
      const atMs = systemClock();
      const credentials = others.readCredentials([`Bearer ${token}`]);
      if (!credentials.found) throw new Error("the token was not found");
      const checked = await others.check(context, credentials, request, atMs);
      if (checked?.status !== "verified") throw new Error("the token was not allowed");
    };
    const key = await importJWK(issuer.key.publicJwk as JWK, alg);
    const options = { issuer: issuer.issuer, audience: AUDIENCE, typ: "at+jwt", algorithms: [alg] };
    const bare = () => jwtVerify(token, key, options);
    const costs: { readonly ours: number; readonly bare: number }[] = [];
    for (let block = 0; block < BLOCKS; block += 1) {
      // Alternate the order, so that neither always runs second.
      const first = block % 2 === 0 ? await measureCpu(decide) : await measureCpu(bare);
      const second = block % 2 === 0 ? await measureCpu(bare) : await measureCpu(decide);
      costs.push(block % 2 === 0 ? { ours: first, bare: second } : { ours: second, bare: first });
    }
    const warm = costs.slice(WARM_UP_BLOCKS);
    const [ours, library] = [
      median(warm.map((each) => each.ours)),
      median(warm.map((each) => each.bare)),
    ];
    return [
      [`${alg}: the decision without the store`, ours.toFixed(0), (ours / library).toFixed(2)],
      [`${alg}: jose's jwtVerify with the same key`, library.toFixed(0), "1.00"],
    ];
  } finally {
    await issuer.close();
  }
}

/** Measures the CPU time of a decision about a JWT, compared with the library's bare verification. */
export async function jwtCpu(): Promise<BenchmarkTable> {
  return {
    title: "Authorizer: CPU time of a decision about a JWT, without the store",
    columns: ["work", "CPU µs", "ratio to the bare verification"],
    rows: [...(await measure("RS256")), ...(await measure("ES256"))],
  };
}
