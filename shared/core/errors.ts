import type * as z from "zod";

/**
 * Base class for every error that the library throws. Use `name` to identify an error, which works even if an app has
 * several copies of the package. Errors from AWS SDK clients are passed through unchanged.
 */
export class OAuthMonitoringError extends Error {
  override readonly name: string = "OAuthMonitoringError";
}

/** Thrown if DynamoDB or a queue didn't complete a request after several attempts. */
export class IncompleteRequestError extends OAuthMonitoringError {
  override readonly name = "IncompleteRequestError";
}

/** One validation error of an input. */
export interface InputError {
  /** JSON Pointer (RFC 6901) to the invalid value. Empty if the error concerns the whole input. */
  readonly pointer: string;
  /** Describes the error and how to fix it, without a final full stop. Never repeats the value. */
  readonly detail: string;
}

type Issue = z.core.$ZodIssue;

/** Unit of a size limit, by the type of the limited value. */
const UNITS: Readonly<Record<string, string>> = {
  string: " characters",
  array: " items",
  set: " items",
  map: " entries",
  object: " members",
};

/** How zod's default messages start. All other messages come from a schema and are more specific. */
const GENERIC = /^(Invalid |Too (big|small): |Unrecognized key)/;

function pointerTo(path: readonly PropertyKey[]): string {
  return path.map((key) => `/${String(key).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

function bound(word: string, limit: number | bigint, origin: string): string {
  return `expected ${word} ${limit}${UNITS[origin] ?? ""}`;
}

/** Puts "a" or "an" in front of a type name. */
const article = (type: string) => (/^[aeio]/.test(type) ? `an ${type}` : `a ${type}`);

function describeIssue(issue: Issue): string {
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
      return "unknown property";
    case "invalid_union":
    case "invalid_key":
    case "invalid_element":
      return "it does not have any of the allowed forms";
    default:
      return "it is not valid";
  }
}

function toErrorsOfIssue(issue: Issue): InputError[] {
  const detail = describeIssue(issue);
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({ pointer: pointerTo([...issue.path, key]), detail }));
  }
  return [{ pointer: pointerTo(issue.path), detail }];
}

/** Returns every validation error, in schema order. */
export function toInputErrors(error: z.ZodError): InputError[] {
  return error.issues.flatMap(toErrorsOfIssue);
}

/** Joins validation errors into one line: `limit: expected at most 1000; from: expected a UTC time`. */
export function toSentence(errors: readonly InputError[]): string {
  return errors
    .map(({ pointer, detail }) => {
      const location = pointer
        .slice(1)
        .replaceAll("/", ".")
        .replaceAll("~1", "/")
        .replaceAll("~0", "~");
      return location ? `${location}: ${detail}` : detail;
    })
    .join("; ")
    .replace(/\s+/g, " ");
}

/** Describes the validation errors of an input in one line. */
export function explain(error: z.ZodError): string {
  return toSentence(toInputErrors(error));
}

/** Thrown for invalid input. The message lists every validation error with its path. */
export class InvalidInputError extends OAuthMonitoringError {
  override readonly name: string = "InvalidInputError";

  /** Validation errors, each with its path. */
  readonly errors: readonly InputError[];

  /** @param inputName name of the input, used as the subject of the message: `the request` */
  constructor(inputName: string, cause: z.ZodError) {
    const errors = toInputErrors(cause);
    super(`${inputName} is not valid: ${toSentence(errors)}`, { cause });
    this.errors = errors;
  }
}

/**
 * Parses an input.
 *
 * @throws InvalidInputError if the input doesn't match the schema
 */
export function parseInput<Schema extends z.ZodType>(
  schema: Schema,
  inputName: string,
  input: unknown,
): z.output<Schema> {
  const parsed = schema.safeParse(input);
  if (!parsed.success) throw new InvalidInputError(inputName, parsed.error);
  return parsed.data;
}

/** Returns the problem `type` (RFC 9457, section 3.1.1) for a title. */
export function problemType(title: string): string {
  return `urn:oauth-monitoring:problem:${title.toLowerCase().replaceAll(" ", "-")}`;
}
