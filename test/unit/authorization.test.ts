import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseBearerCredentials } from "../../shared/authorization/bearer-token.ts";
import { readPath } from "../../shared/authorization/request-path.ts";
import { requiredAccess, withScopes } from "../../shared/authorization/required-access.ts";
import { parseMonitoringConfig } from "../../shared/config/monitoring-config.ts";

describe("parseBearerCredentials", () => {
  it("accepts the RFC 6750 token syntax with the scheme in any case", () => {
    for (const scheme of ["Bearer", "bearer", "BEARER"]) {
      expect(parseBearerCredentials([`${scheme} abc.DEF-1_~+/==`])).toEqual({
        found: true,
        secret: "abc.DEF-1_~+/==",
        scheme: "bearer",
      });
    }
  });

  it("never throws and returns only secrets that the header contains", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: "binary" }), { maxLength: 3 }), (fields) => {
        const parsed = parseBearerCredentials(fields);
        if (parsed.found) expect(fields[0]).toContain(parsed.secret);
        else expect(parsed.reason).toBe(fields.length === 0 ? "missing_token" : "malformed_token");
      }),
    );
  });

  it("rejects a token that is longer than any real token", () => {
    expect(parseBearerCredentials([`Bearer ${"a".repeat(5000)}`])).toMatchObject({ found: false });
  });
});

describe("readPath", () => {
  const splitSegments = (path: string, isExact = false) => {
    const readings = readPath(path, { isExact });
    return typeof readings === "string" ? readings : readings.map(({ segments }) => segments);
  };

  it.each([
    ["/a/b", [["a", "b"]]],
    ["/", [[]]],
    ["/a/", [["a"]]],
    [
      "/%61/b",
      [
        ["%61", "b"],
        ["a", "b"],
      ],
    ],
    ["/a;x/b", [["a;x", "b"], ["a"]]],
  ])("reads %s as %j", (path, expected) => {
    expect(splitSegments(path)).toEqual(expected);
  });

  it.each([
    "http://x/a",
    "x:443",
    "*",
    "",
    "//a",
    "/a//b",
    "/a//",
    "/a/./b",
    "/a/../b",
    "/a/..",
    "/a/%2e%2E/b",
    "/a/.%2e/b",
    "/a/..;x/b",
    "/a%2fb",
    "/a%2Fb",
    "/a\\b",
    "/a%5cb",
    "/a\tb",
    "/a\u0000b",
  ])("rejects %j because servers interpret it differently", (path) => {
    expect(splitSegments(path)).toBe("ambiguous_path");
    if (path.startsWith("/")) expect(splitSegments(path, true)).toBe("ambiguous_path");
  });

  it.each(["/%zz", "/%", "/a%c0%af", "/a%ff"])("rejects %s because it can't be decoded", (path) => {
    expect(splitSegments(path)).toBe("malformed_path");
  });

  it("returns both readings of encoded slashes and empty segments when they are allowed", () => {
    const read = (path: string) => readPath(path, {}, ["encoded_slashes", "empty_segments"]);
    const segments = (path: string) => {
      const readings = read(path);
      return typeof readings === "string" ? [] : readings.map((reading) => reading.segments);
    };
    expect(segments("/a%2fb")).toEqual(expect.arrayContaining([["a/b"], ["a", "b"]]));
    expect(segments("/a//b")).toEqual(
      expect.arrayContaining([
        ["a", "", "b"],
        ["a", "b"],
      ]),
    );
    expect(read("/a%2f..%2fb")).toBe("ambiguous_path");
  });

  it("never throws and never returns a dot segment or a separator inside a segment", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const readings = readPath(`/${text}`, {});
        if (typeof readings === "string") return;
        for (const segment of readings.flatMap(({ segments }) => segments)) {
          expect(segment).not.toMatch(/^\.{0,2}$|[/\\]/);
        }
      }),
    );
  });
});

describe("requiredAccess", () => {
  const config = parseMonitoringConfig({
    routes: [
      { method: "GET", path: "/api/reports/{id}", scopes: ["reports:read"] },
      { path: "/api/mcp/{proxy+}", scopes: ["mcp:use"], session: "required" },
      { path: "/api/reports/{proxy+}", scopes: ["reports:all", "api:write"] },
      { path: "/bank/{proxy+}", scopes: ["bank"], acrValues: ["gold"], maxAgeSeconds: 60 },
      { method: "GET", path: "/users/{id}", scopes: ["users:read"] },
      { path: "/vault", scopes: ["vault"], acrValues: ["phr", "hwk"], maxAgeSeconds: 10 },
    ],
  });
  const access = (method: string, path: string, isExact = false) => {
    const required = requiredAccess(config, method, { paths: [path], isExact });
    if (typeof required === "string") throw new Error(required);
    return required;
  };
  const scopes = (method: string, path: string, isExact?: boolean) =>
    access(method, path, isExact).scopes;

  it("applies the first rule that matches", () => {
    expect(scopes("GET", "/api/reports/7")).toEqual(["reports:read"]);
    expect(scopes("POST", "/api/reports/7")).toEqual(["reports:all", "api:write"]);
    expect(scopes("GET", "/api/reports/7/lines")).toEqual(["reports:all", "api:write"]);
    expect(access("GET", "/api/mcp/a/b").session).toBe("required");
  });

  it("requires the default scopes when no rule matches", () => {
    expect(scopes("GET", "/api/other")).toEqual(["api:read"]);
    expect(scopes("HEAD", "/api/mcp", true)).toEqual(["api:read"]);
    expect(scopes("DELETE", "/api/other")).toEqual(["api:write"]);
  });

  it("also applies the rules for GET to HEAD", () => {
    expect(scopes("HEAD", "/api/reports/7", true)).toEqual([
      "reports:all",
      "api:write",
      "reports:read",
    ]);
    expect(scopes("HEAD", "/users/7", true)).toEqual(["users:read"]);
  });

  it.each([
    ["GET", "/API/Reports/7", ["api:read", "reports:read"]],
    ["GET", "/api/%72eports/7", ["api:read", "reports:read"]],
    ["GET", "/api/reports/7;/x/y/z", ["reports:all", "api:write", "reports:read"]],
    // Fastify and Express serve /api/mcp/ by the route /api/mcp/*, Hono also /api/mcp.
    ["GET", "/api/mcp/", ["api:read", "mcp:use"]],
    ["GET", "/api/mcp", ["api:read", "mcp:use"]],
    ["GET", "/ADMIN/oauth/events", ["api:read", "oauth:admin"]],
  ])("requires the scopes of every possible reading for %s %s", (method, path, expected) => {
    expect(scopes(method, path)).toEqual(expected);
  });

  it("finds the rule under any base path on a custom domain", () => {
    const target = { paths: ["/ops/v1/api/reports/7"], mayHaveBasePath: true };
    expect(requiredAccess(config, "GET", target)).toMatchObject({
      scopes: ["api:read", "reports:read"],
    });
  });

  it("keeps every step-up requirement when several rules apply", () => {
    const both = { paths: ["/bank/x", "/vault"] };
    expect(requiredAccess(config, "GET", both)).toMatchObject({
      scopes: ["bank", "vault"],
      acrValues: [["gold"], ["phr", "hwk"]],
      maxAgeSeconds: 10,
    });
    expect(withScopes(access("GET", "/vault"), ["tool"])).toMatchObject({
      scopes: ["vault", "tool"],
      acrValues: [["phr", "hwk"]],
      maxAgeSeconds: 10,
    });
  });

  it("rejects a call when any possible path is ambiguous", () => {
    expect(requiredAccess(config, "GET", { paths: ["/vault", "/a/../b"] })).toBe("ambiguous_path");
  });
});
