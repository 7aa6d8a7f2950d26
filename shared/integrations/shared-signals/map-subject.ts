import type { TransmitterConfig } from "../../config/signal-parameters.ts";
import { isIdentifier } from "../../events/identifiers.ts";
import { identityOfNamedToken } from "../../events/token-identity.ts";
import {
  getIdentifiers,
  type KnownIdentifier,
  type SimpleSubject,
  type Subject,
} from "./subject-identifier.ts";

/** The principals that a signal is about, with IDs mapped according to the configuration. */
export interface MappedSubject {
  readonly userId?: string;
  readonly sessionId?: string;
  readonly clientId?: string;
  /** A token from another issuer, identified by a `jwt_id`. */
  readonly token?: NamedJwt;
}

/** A JWT, identified by issuer and `jti`, with its public token ID. */
export interface NamedJwt {
  readonly issuer: string;
  readonly jti: string;
  readonly tokenId: string;
}

/** Signals in which a simple subject of format `opaque` is a session (CAEP 1.0, section 3.1). */
const ABOUT_SESSIONS: ReadonlySet<string> = new Set([
  "session-revoked",
  "session-established",
  "session-presented",
]);

/** Returns the value that identifies the subject, depending on the format. */
function getId(identifier: KnownIdentifier): string | undefined {
  switch (identifier.format) {
    case "iss_sub":
      return identifier.sub;
    case "email":
      return identifier.email;
    case "phone_number":
      return identifier.phone_number;
    case "opaque":
      return identifier.id;
    case "did":
      return identifier.url;
    case "account":
    case "uri":
      return identifier.uri;
    default:
      return undefined;
  }
}

/** Reads subjects according to one transmitter's configuration. */
class SubjectReader {
  constructor(private readonly transmitter: TransmitterConfig) {}

  /** Returns the ID from a subject's identifier in the first of `formats` that the subject has. */
  idIn(subject: SimpleSubject | undefined, formats: readonly string[]): string | undefined {
    if (!subject) return undefined;
    const identifiers = getIdentifiers(subject);
    for (const format of formats) {
      for (const identifier of identifiers) {
        if (identifier.format !== format || !this.#isOfKnownIssuer(identifier)) continue;
        const id = `${this.transmitter.subjects.idPrefix ?? ""}${getId(identifier) ?? ""}`;
        if (getId(identifier) !== undefined && isIdentifier(id)) return id;
      }
    }
    return undefined;
  }

  tokenIn(subject: SimpleSubject | undefined): NamedJwt | undefined {
    if (!subject) return undefined;
    for (const identifier of getIdentifiers(subject)) {
      if (identifier.format === "jwt_id" && this.#isOfKnownIssuer(identifier)) {
        const { iss: issuer, jti } = identifier;
        return { issuer, jti, tokenId: identityOfNamedToken(issuer, jti).token_id };
      }
    }
    return undefined;
  }

  /**
   * Whether the transmitter may name subjects from this issuer: the transmitter itself, or an issuer in its
   * configuration.
   */
  #isOfKnownIssuer(identifier: KnownIdentifier): boolean {
    if (identifier.format !== "iss_sub" && identifier.format !== "jwt_id") return true;
    const { issuer, subjects } = this.transmitter;
    return identifier.iss === issuer || subjects.issuers.includes(identifier.iss);
  }
}

/** Removes undefined members. */
function present(members: { readonly [K in keyof MappedSubject]: MappedSubject[K] | undefined }) {
  return Object.fromEntries(
    Object.entries(members).filter(([, id]) => id !== undefined),
  ) as MappedSubject;
}

/**
 * Maps a signal's subject to users, sessions, clients and tokens.
 *
 * @param name the signal's name, such as `session-revoked`
 */
export function mapSubject(
  subject: Subject | undefined,
  name: string | undefined,
  transmitter: TransmitterConfig,
): MappedSubject {
  if (!subject) return {};
  const reader = new SubjectReader(transmitter);
  const { users, sessions, clients } = transmitter.subjects;
  if (subject.kind === "complex") {
    const { user, session, application } = subject.members;
    return present({
      userId: reader.idIn(user, users),
      sessionId: reader.idIn(session, sessions),
      clientId: reader.idIn(application, clients),
      token: reader.tokenIn(session),
    });
  }
  const { identifier } = subject;
  const token = reader.tokenIn(identifier);
  if (ABOUT_SESSIONS.has(name ?? "") && identifier.format === "opaque") {
    return present({
      sessionId: reader.idIn(identifier, sessions),
      token,
    });
  }
  return present({ userId: reader.idIn(identifier, users), token });
}
