import { readFileSync, statSync } from "node:fs";
import { basename } from "node:path";
import { databaseNameSchema } from "../../shared/config/origin-parameters.ts";
import { SECOND_MS, toInstant } from "../../shared/core/clock.ts";
import { printable, printableJson, type Report } from "../../shared/core/terminal.ts";
import { canonicalIp } from "../../shared/events/ip-address.ts";
import { parseAddress } from "../../shared/events/ip-network.ts";
import {
  BrokenDatabaseError,
  MOST_FILE_BYTES,
  OriginDatabase,
  sampleDatabase,
} from "../../shared/integrations/ip-enrichment/origin-database.ts";
import { joinOrigins, Origins } from "../../shared/integrations/ip-enrichment/origins.ts";
import type { Target } from "../../shared/stack/open-stack.ts";
import { UnusableInputError } from "./providers.ts";

/** Checks for gzip's magic number (RFC 1952). */
const isGzip = (bytes: Buffer) => bytes[0] === 0x1f && bytes[1] === 0x8b;

/** @throws UnusableInputError if the file can't be read or is too large */
function readBytes(file: string): Buffer {
  try {
    const { size } = statSync(file);
    if (size > MOST_FILE_BYTES) {
      throw new UnusableInputError(
        `${file} has ${size} bytes, but the limit is ${MOST_FILE_BYTES}. Use a country or ASN database instead of a city database`,
      );
    }
    return readFileSync(file);
  } catch (error) {
    if (error instanceof UnusableInputError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    throw new UnusableInputError(
      code === "ENOENT" ? `the file ${file} does not exist` : `${file} cannot be read: ${code}`,
    );
  }
}

/** @throws UnusableInputError if the file isn't a database in the MaxMind DB format */
function openDatabase(file: string): { readonly bytes: Buffer; readonly database: OriginDatabase } {
  const bytes = readBytes(file);
  try {
    return { bytes, database: new OriginDatabase(bytes) };
  } catch (error) {
    if (!(error instanceof BrokenDatabaseError)) throw error;
    const advice = isGzip(bytes)
      ? "it is compressed. Extract it with gunzip or tar"
      : error.message;
    throw new UnusableInputError(`${file} is not a MaxMind DB file: ${advice}`);
  }
}

/**
 * Describes a database and its contents.
 *
 * @throws UnusableInputError if it has no data for any address
 */
function describe(file: string, database: OriginDatabase) {
  const { type, buildEpochSeconds, ipVersion } = database.metadata;
  const { sampled, known, broken } = sampleDatabase(database);
  if (broken > 0) {
    throw new UnusableInputError(`${file} has corrupt records. Download it again`);
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
 * `origins put`: validates a database and uploads it. The subscriber starts using it within an hour.
 *
 * @throws UnusableInputError if the file isn't a database, the configuration doesn't list its name, or the stack
 * has no bucket
 */
export async function originsPut(
  target: Target,
  file: string,
  { as = basename(file) }: { readonly as?: string },
): Promise<Report> {
  const { originsBucket, config } = target;
  const { databases } = config.origins;
  if (originsBucket === undefined || databases.length === 0) {
    throw new UnusableInputError(
      `the stack has no bucket for databases. Add their names to origins.databases, such as ["country.mmdb"], and deploy`,
    );
  }
  const name = databaseNameSchema.safeParse(as).data;
  if (name === undefined || !databases.includes(name)) {
    throw new UnusableInputError(
      `origins.databases has no ${as}. Use --as with one of ${databases.join(", ")}`,
    );
  }
  const { bytes, database } = openDatabase(file);
  const described = describe(file, database);
  const { PutObjectCommand, S3Client } = await import("@aws-sdk/client-s3");
  await new S3Client({ ...target.s3 }).send(
    new PutObjectCommand({ Bucket: originsBucket, Key: name, Body: bytes }),
  );
  return {
    json: { database: name, bytes: bytes.length, ...described },
    text: [
      ...explain(described),
      `Uploaded ${bytes.length} bytes as ${name}. New events use it within one hour.`,
    ].join("\n"),
  };
}

/**
 * `origins look`: shows an address's IP enrichment from local database files, with the raw records.
 *
 * @throws UnusableInputError if the address is invalid or a file isn't a database
 */
export function originsLook(
  ip: string,
  { database: files }: { readonly database: string[] },
): Report {
  const address = canonicalIp(ip);
  if (!parseAddress(address)) throw new UnusableInputError(`${ip} is not an IPv4 or IPv6 address`);
  const looked = files.map((file) => {
    const { database } = openDatabase(file);
    const database_type = database.metadata.type;
    try {
      const record = database.record(address) ?? null;
      return { file, database_type, record, origin: database.find(address) };
    } catch (error) {
      const cause = error instanceof Error ? error.message : String(error);
      return { file, database_type, record: `corrupt record: ${cause}`, origin: undefined };
    }
  });
  const known = joinOrigins(...looked.map(({ origin }) => origin));
  const origin = new Origins([], { find: () => known }).of(ip) ?? null;
  const found = looked.map(({ file, database_type, record }) => ({ file, database_type, record }));
  return {
    json: { ip, origin, databases: found },
    text: [
      origin ? `Origin: ${printableJson(origin)}` : "No database contains this address.",
      ...found.map(({ file, record }) => `${printable(file)}: ${printableJson(record)}`),
    ].join("\n"),
  };
}
