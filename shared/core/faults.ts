import type * as z from "zod";
import { OAuthMonitoringError } from "./oauth-monitoring-error.ts";

/** One thing that is wrong with an input. */
export interface Fault {
  /** A JSON Pointer (RFC 6901) into the input; empty for the input as a whole. */
  readonly pointer: string;
  /** What is wrong, in one plain sentence without a full stop. It never repeats the value. */
  readonly detail: string;
}

type Issue = z.core.$ZodIssue;

/** The unit of a size that is too big or too small. */
const UNITS: Readonly<Record<string, string>> = {
  string: " characters",
  array: " items",
  set: " items",
  map: " entries",
  object: " members",
};

/** How zod's own messages begin. Other messages come from a schema and say more. */
const GENERIC = /^(Invalid |Too (big|small): |Unrecognized key)/;

function pointerTo(path: readonly PropertyKey[]): string {
  return path.map((key) => `/${String(key).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

function bound(word: string, limit: number | bigint, origin: string): string {
  return `expected ${word} ${limit}${UNITS[origin] ?? ""}`;
}

/** A type with its article. */
const article = (type: string) => (/^[aeio]/.test(type) ? `an ${type}` : `a ${type}`);

function detailOf(issue: Issue): string {
  if (!GENERIC.test(issue.message)) {
    return issue.code === "invalid_format" ? `expected ${issue.message}` : issue.message;
  }
  switch (issue.code) {
    case "too_big":
      return bound(
        issue.inclusive === false ? "less than" : "at most",
        issue.maximum,
        issue.origin,
      );
    case "too_small":
      return bound(
        issue.inclusive === false ? "more than" : "at least",
        issue.minimum,
        issue.origin,
      );
    case "invalid_type":
      return `expected ${article(issue.expected === "int" ? "whole number" : issue.expected)}`;
    case "invalid_value":
      return issue.values.length === 1
        ? `expected ${String(issue.values[0])}`
        : `expected one of ${issue.values.map(String).join(", ")}`;
    case "invalid_format":
      return `expected ${article(issue.format)}`;
    case "not_multiple_of":
      return `expected a multiple of ${issue.divisor}`;
    case "unrecognized_keys":
      return "there is no such member";
    case "invalid_union":
    case "invalid_key":
    case "invalid_element":
      return "it does not have any of the allowed forms";
    default:
      return "it is not valid";
  }
}

function faultsOfIssue(issue: Issue): Fault[] {
  const detail = detailOf(issue);
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({ pointer: pointerTo([...issue.path, key]), detail }));
  }
  return [{ pointer: pointerTo(issue.path), detail }];
}

/** Everything that is wrong with an input, in the order of the schema. */
export function faultsOf(error: z.ZodError): Fault[] {
  return error.issues.flatMap(faultsOfIssue);
}

/** `limit: expected at most 1000; from: expected a UTC time`: all faults, in one line of plain text. */
export function sentenceOf(faults: readonly Fault[]): string {
  return faults
    .map(({ pointer, detail }) => {
      const place = pointer
        .slice(1)
        .replaceAll("/", ".")
        .replaceAll("~1", "/")
        .replaceAll("~0", "~");
      return place ? `${place}: ${detail}` : detail;
    })
    .join("; ")
    .replace(/\s+/g, " ");
}

/** The faults of an input, in one line. */
export function explain(error: z.ZodError): string {
  return sentenceOf(faultsOf(error));
}

/** What an operation was given is refused; the message lists every fault with its place. */
export class InvalidInputError extends OAuthMonitoringError {
  override readonly name: string = "InvalidInputError";

  /** Each fault, with where it is. */
  readonly faults: readonly Fault[];

  /** @param what the input, as the message's subject: `the request` */
  constructor(what: string, cause: z.ZodError) {
    const faults = faultsOf(cause);
    super(`${what} is not valid: ${sentenceOf(faults)}`, { cause });
    this.faults = faults;
  }
}

/**
 * Parses what an operation was given.
 *
 * @throws InvalidInputError when it does not fit the schema
 */
export function parseInput<Schema extends z.ZodType>(
  schema: Schema,
  what: string,
  input: unknown,
): z.output<Schema> {
  const parsed = schema.safeParse(input);
  if (!parsed.success) throw new InvalidInputError(what, parsed.error);
  return parsed.data;
}
