import { basename } from "node:path";
import { databaseNameSchema } from "../../shared/config/enrichment-parameters.ts";
import { SECOND_MS, toInstant } from "../../shared/core/clock.ts";
import { printable, printableJson, type Report } from "../../shared/core/terminal.ts";
import { canonicalIp } from "../../shared/events/ip-address.ts";
import { toEnrichmentData } from "../../shared/events/ip-enrichment.ts";
import { parseAddress } from "../../shared/events/ip-network.ts";
import {
  BrokenDatabaseError,
  EnrichmentDatabase,
  MAX_FILE_BYTES,
  sampleDatabase,
} from "../../shared/integrations/ip-enrichment/enrichment-database.ts";
import { IpEnricher, joinEnrichment } from "../../shared/integrations/ip-enrichment/ip-enricher.ts";
import type { Target } from "../../shared/stack/open-stack.ts";
import { readBytes } from "../program/options.ts";
import { type ReportCommand, UsageError } from "../program/report-command.ts";

/** Checks for gzip's magic number (RFC 1952). */
const isGzip = (bytes: Buffer) => bytes[0] === 0x1f && bytes[1] === 0x8b;

/** @throws UsageError if the file isn't a database in the MaxMind DB format, can't be read or is too large */
function openDatabase(file: string): {
  readonly bytes: Buffer;
  readonly database: EnrichmentDatabase;
} {
  const bytes = readBytes(file);
  if (bytes.length > MAX_FILE_BYTES) {
    throw new UsageError(
      `${file} has ${bytes.length} bytes, but the limit is ${MAX_FILE_BYTES}. Use a country or ASN database instead of a city database`,
    );
  }
  try {
    return { bytes, database: new EnrichmentDatabase(bytes) };
  } catch (error) {
    if (!(error instanceof BrokenDatabaseError)) throw error;
    const advice = isGzip(bytes)
      ? "it is compressed. Extract it with gunzip or tar"
      : error.message;
    throw new UsageError(`${file} is not a MaxMind DB file: ${advice}`);
  }
}

/**
 * Describes a database and its contents.
 *
 * @throws UsageError if it has no data for any address
 */
function describe(file: string, database: EnrichmentDatabase) {
  const { type, buildEpochSeconds, ipVersion } = database.metadata;
  const { sampled, known, broken } = sampleDatabase(database);
  if (broken > 0) {
    throw new UsageError(`${file} has corrupt records. Download it again`);
  }
  return {
    database_type: type,
    built_at: toInstant(buildEpochSeconds * SECOND_MS),
    ip_version: ipVersion,
    sampled_addresses: sampled,
    known_addresses: known,
  };
}

function explain(described: ReturnType<typeof describe>): string[] {
  const { database_type, built_at, ip_version, sampled_addresses, known_addresses } = described;
  const shares = Object.entries(known_addresses).map(
    ([member, count]) => `${member} ${Math.round((100 * count) / sampled_addresses)} %`,
  );
  return [
    `Type:      ${printable(database_type) || "(none)"}`,
    `Built:     ${built_at}`,
    `Addresses: ${ip_version === 6 ? "IPv4 and IPv6" : "IPv4"}`,
    `Coverage:  ${shares.join(", ") || "no supported fields"} (sample of ${sampled_addresses} IPv4 addresses)`,
  ];
}

/**
 * `enrichment put`: validates a database and uploads it. The subscriber starts using it within an hour.
 *
 * @throws UsageError if the file isn't a database, the configuration doesn't list its name, or the stack
 * has no bucket
 */
export async function enrichmentPut(
  target: Target,
  file: string,
  { as = basename(file) }: { readonly as?: string },
): Promise<Report> {
  const { ipEnrichmentBucket, config } = target;
  const { databases } = config.ipEnrichment;
  if (ipEnrichmentBucket === undefined || databases.length === 0) {
    throw new UsageError(
      `the stack has no bucket for databases. Add their names to ipEnrichment.databases, such as ["country.mmdb"], and deploy`,
    );
  }
  const name = databaseNameSchema.safeParse(as).data;
  if (name === undefined || !databases.includes(name)) {
    throw new UsageError(
      `ipEnrichment.databases has no ${as}. Use --as with one of ${databases.join(", ")}`,
    );
  }
  const { bytes, database } = openDatabase(file);
  const described = describe(file, database);
  const { PutObjectCommand, S3Client } = await import("@aws-sdk/client-s3");
  await new S3Client({ ...target.s3 }).send(
    new PutObjectCommand({ Bucket: ipEnrichmentBucket, Key: name, Body: bytes }),
  );
  return {
    json: { database: name, bytes: bytes.length, ...described },
    text: [
      ...explain(described),
      `Uploaded ${bytes.length} bytes as ${name}. New events use it within one hour.`,
    ].join("\n"),
  };
}

function enrichmentLookup(ip: string, { database: files }: { database: string[] }): Report {
  const address = canonicalIp(ip);
  if (!parseAddress(address)) throw new UsageError(`${ip} is not an IPv4 or IPv6 address`);
  const looked = files.map((file) => {
    const { database } = openDatabase(file);
    const database_type = database.metadata.type;
    try {
      const record = database.record(address) ?? null;
      return { file, database_type, record, enrichment: database.find(address) };
    } catch (error) {
      const cause = error instanceof Error ? error.message : String(error);
      return { file, database_type, record: `corrupt record: ${cause}`, enrichment: undefined };
    }
  });
  const known = joinEnrichment(...looked.map(({ enrichment }) => enrichment));
  const enrichment = new IpEnricher([], { find: () => known }).of(ip);
  const data = enrichment && toEnrichmentData(enrichment);
  const found = looked.map(({ file, database_type, record }) => ({ file, database_type, record }));
  return {
    json: { ip, ...data, databases: found },
    text: [
      data ? `IP enrichment: ${printableJson(data)}` : "No database contains this address.",
      ...found.map(({ file, record }) => `${printable(file)}: ${printableJson(record)}`),
    ].join("\n"),
  };
}

export function registerEnrichment(program: ReportCommand): void {
  const enrichment = program.command("enrichment").description("manage IP enrichment databases");
  enrichment
    .command("put")
    .description("validate a MaxMind DB file and upload it to the stack")
    .argument("<file>", "uncompressed file")
    .option("--as <name>", "name in ipEnrichment.databases; default the file name")
    .examples(
      "enrichment put country.mmdb --stack OAuthMonitoring",
      "enrichment put GeoLite2-ASN.mmdb --as asn.mmdb --stack OAuthMonitoring",
    )
    .runOnStack(enrichmentPut);
  enrichment
    .command("lookup")
    .description("look up an address in local database files; needs no stack")
    .argument("<address>", "IPv4 or IPv6 address")
    .requiredOption("--database <files...>", "MaxMind DB files, highest priority first")
    .examples("enrichment lookup 203.0.113.9 --database country.mmdb asn.mmdb")
    .run(enrichmentLookup);
}
