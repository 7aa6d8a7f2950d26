import { canonical, type StreamSubject } from "./stream-store.ts";

type Members = Readonly<Record<string, unknown>>;

const isComplex = (subject: unknown): subject is Members =>
  (subject as { readonly format?: unknown } | null)?.format === "complex";

/** Returns a simple subject as a complex subject's user, so that a user matches in both forms. */
const membersOf = (subject: unknown): Members => {
  if (!isComplex(subject)) return { user: subject };
  const { format: _, ...members } = subject;
  return members;
};

/**
 * Whether two subjects match. Simple subjects must be identical. Complex subjects must agree on every member that both
 * of them have (Shared Signals Framework 1.0, section "Subject Matching"). A simple subject matches a complex subject
 * that has it as `user`.
 */
export function subjectsMatch(one: unknown, other: unknown): boolean {
  if (!isComplex(one) && !isComplex(other)) return canonical(one) === canonical(other);
  const [first, second] = [membersOf(one), membersOf(other)];
  if (!isComplex(one) || !isComplex(other)) {
    return first.user !== undefined && canonical(first.user) === canonical(second.user);
  }
  return Object.entries(first).every(
    ([name, member]) => second[name] === undefined || canonical(member) === canonical(second[name]),
  );
}

/**
 * Whether a stream includes events about a subject.
 *
 * @param byDefault whether the stream includes subjects that its receiver neither added nor removed
 */
export function isInStream(
  subject: unknown,
  named: readonly StreamSubject[],
  byDefault: boolean,
): boolean {
  const matches = (added: boolean) =>
    named.some((each) => each.added === added && subjectsMatch(each.subject, subject));
  return byDefault ? !matches(false) : matches(true);
}
