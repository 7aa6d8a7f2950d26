import * as z from "zod";

/** Longer than any address or ID. */
const text = z.string().min(1).max(1024);

/**
 * Subject identifiers in the standard formats: those from RFC 9493, section 3.2, except `aliases`, and those that the
 * Shared Signals Framework adds (section "Additional Subject Identifier Formats").
 */
const identifierSchema = z.discriminatedUnion("format", [
  z.looseObject({ format: z.literal("account"), uri: text }),
  z.looseObject({ format: z.literal("email"), email: text }),
  z.looseObject({ format: z.literal("iss_sub"), iss: text, sub: text }),
  z.looseObject({ format: z.literal("opaque"), id: text }),
  z.looseObject({ format: z.literal("phone_number"), phone_number: text }),
  z.looseObject({ format: z.literal("did"), url: text }),
  z.looseObject({ format: z.literal("uri"), uri: text }),
  z.looseObject({ format: z.literal("jwt_id"), iss: text, jti: text }),
  z.looseObject({ format: z.literal("saml_assertion_id"), issuer: text, assertion_id: text }),
  z.looseObject({
    format: z.literal("ip-addresses"),
    "ip-addresses": z.array(z.string().min(1).max(64)).min(1).max(100),
  }),
]);

/** A subject identifier in a known format. */
export type KnownIdentifier = z.output<typeof identifierSchema>;

const KNOWN_FORMATS: ReadonlySet<string> = new Set(
  identifierSchema.options.map(({ shape }) => shape.format.value),
);

/** A custom format agreed between two parties. Its members are unknown. */
const agreedSchema = z.looseObject({
  format: z
    .string()
    .min(1)
    .max(128)
    .refine((name) => !KNOWN_FORMATS.has(name) && name !== "aliases" && name !== "complex"),
});

const singleSchema = z.union([identifierSchema, agreedSchema]);

/** Several identifiers for one subject (RFC 9493, section 3.2.8). Nesting is not allowed. */
const aliasesSchema = z.looseObject({
  format: z.literal("aliases"),
  identifiers: z.array(singleSchema).min(1).max(20),
});

const simpleSchema = z.union([singleSchema, aliasesSchema]);

/** A simple subject: an identifier in a known format, an identifier in a custom format, or several aliases. */
export type SimpleSubject = z.output<typeof simpleSchema>;

/**
 * The standard members of a complex subject (Shared Signals Framework, section "Complex Subject Members"). Other
 * members are allowed.
 */
const COMPLEX_MEMBERS = [
  "user",
  "device",
  "session",
  "application",
  "tenant",
  "org_unit",
  "group",
] as const;

const membersSchema = z.record(z.string().min(1).max(64), simpleSchema).refine((members) => {
  const count = Object.keys(members).length;
  return count > 0 && count <= 20;
}, "a complex subject has 1 to 20 members");

/** The subject of a signal: one identifier, or a complex subject whose members together name one principal. */
export type Subject =
  | { readonly kind: "simple"; readonly identifier: SimpleSubject }
  | { readonly kind: "complex"; readonly members: Readonly<Record<string, SimpleSubject>> };

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Whether a value is a complex subject without a format, as in drafts of the framework. */
const isUnnamedComplex = (value: Readonly<Record<string, unknown>>) =>
  value.format === undefined && COMPLEX_MEMBERS.some((name) => isObject(value[name]));

/**
 * Reads a subject (RFC 9493 and the Shared Signals Framework, section 3).
 *
 * @returns undefined if the value is not a subject
 */
export function readSubject(value: unknown): Subject | undefined {
  if (!isObject(value)) return undefined;
  if (value.format === "complex" || isUnnamedComplex(value)) {
    const { format: _, ...members } = value;
    const parsed = membersSchema.safeParse(members).data;
    return parsed && { kind: "complex", members: parsed };
  }
  const identifier = simpleSchema.safeParse(value).data;
  return identifier && { kind: "simple", identifier };
}

/** Returns a simple subject's identifiers: the subject itself, or its aliases. Leaves out custom formats. */
export function getIdentifiers(subject: SimpleSubject): KnownIdentifier[] {
  const all = subject.format === "aliases" ? (subject.identifiers as unknown[]) : [subject];
  return all.flatMap((each) => identifierSchema.safeParse(each).data ?? []);
}
