import { DAY_MS, HOUR_MS } from "../../../shared/core/clock.ts";
import { address, addressesApart, addressIn, network } from "./networks.ts";
import { harmonicNumber, Random } from "./random.ts";

/** Kind of a client: a consumer app, a service, or a partner's portal. */
export type ClientKind = "consumer" | "service" | "partner";

/** A user of a client. */
export interface TrafficUser {
  readonly userId: string;
  readonly ip: string;
  /** Whether the user also uses a phone away from home. */
  readonly mobile: boolean;
  readonly joinsMs: number;
}

/** A client and its habits. */
export interface TrafficClient {
  readonly clientId: string;
  readonly name: string;
  readonly kind: ClientKind;
  /** When the client makes its first call. */
  readonly firstMs: number;
  /** Approximate number of events on a working day. */
  readonly eventsPerDay: number;
  readonly userAgent: string;
  readonly endpoints: readonly string[];
  readonly scopes: readonly string[];
  readonly tokenLifetimeMs: number;
  /** Addresses of a service or an office. A consumer app's calls come from its users' addresses. */
  readonly addresses: readonly string[];
  readonly users: readonly TrafficUser[];
  /** Number of a service's processes. Each has its own token. */
  readonly instances: number;
}

/** Kinds by rank, starting with the busiest client. */
const KINDS: readonly ClientKind[] = [
  "consumer",
  "service",
  "partner",
  "consumer",
  "service",
  "consumer",
  "service",
  "partner",
];

const NAMES: Record<ClientKind, readonly string[]> = {
  consumer: [
    "Shop for iOS",
    "Shop for Android",
    "Web shop",
    "Loyalty card",
    "Gift finder",
    "Smart TV app",
    "Watch app",
    "Delivery tracker",
    "Recipe box",
    "Price alarm",
    "Photo prints",
    "Store kiosk",
    "Voice assistant",
    "Family account",
    "Wish list",
  ],
  service: [
    "Order sync",
    "Billing",
    "Inventory feed",
    "Search indexer",
    "Notification sender",
    "Fraud scoring",
    "Warehouse robot",
    "Report builder",
    "Data lake export",
    "Price engine",
    "Returns processor",
    "Image resizer",
    "Tax calculator",
    "Address check",
    "Stock forecast",
  ],
  partner: [
    "Northwind portal",
    "Contoso resale",
    "Fabrikam logistics",
    "Tailspin travel",
    "Wingtip toys",
    "Litware accounting",
    "Proseware print",
    "Adatum insurance",
    "Woodgrove bank",
    "Lucerne media",
  ],
};

const USER_AGENTS: Record<ClientKind, readonly string[]> = {
  consumer: [
    "Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) Shop/8.4",
    "Mozilla/5.0 (Linux; Android 16; Pixel 10) Shop/8.4",
    "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0",
  ],
  service: ["okhttp/5.1.0", "Go-http-client/2.0", "python-httpx/0.28.1", "undici"],
  partner: ["Mozilla/5.0 (Windows NT 10.0; Win64; x64) Edg/142.0", "axios/1.12.2"],
};

const ENDPOINTS = [
  "/api/orders",
  "/api/products",
  "/api/basket",
  "/api/profile",
  "/api/prices",
  "/api/stock",
  "/api/invoices",
  "/api/deliveries",
  "/api/returns",
  "/api/recommendations",
  "/api/messages",
  "/api/reports/daily",
];

const SCOPES: Record<ClientKind, readonly string[]> = {
  consumer: ["api:read", "api:write"],
  service: ["api:read", "api:write"],
  partner: ["api:read"],
};

/** Approximate number of events per session, including the issued token. */
export const EVENTS_PER_SESSION = { consumer: 7, partner: 11 };
/** Approximate number of events per hour for each instance of a service: a token and its uses. */
const EVENTS_PER_INSTANCE_HOUR = 4;
const MAX_INSTANCES = 8;

interface PopulationOptions {
  readonly seed: number;
  readonly startMs: number;
  readonly days: number;
  readonly clients: number;
  readonly eventsPerDay: number;
}

/**
 * Returns when a client makes its first call. Two of the quieter clients are new: one starts halfway, the other on the
 * last day.
 */
function firstMs({ startMs, days, clients }: PopulationOptions, rank: number): number {
  if (days < 2 || clients < 12) return 0;
  if (rank === Math.floor(clients / 2)) return startMs + (days - 1) * DAY_MS + 2 * HOUR_MS;
  if (rank === Math.floor(clients / 3)) return startMs + (days / 2) * DAY_MS;
  return 0;
}

function getName(kind: ClientKind, index: number): string {
  const names = NAMES[kind];
  const round = Math.floor(index / names.length);
  return `${names[index % names.length]}${round === 0 ? "" : ` ${round + 1}`}`;
}

function createUsers(
  random: Random,
  clientId: string,
  kind: "consumer" | "partner",
  offices: readonly string[],
  { eventsPerDay, options }: { eventsPerDay: number; options: PopulationOptions },
): TrafficUser[] {
  const sessionsPerDay = eventsPerDay / EVENTS_PER_SESSION[kind];
  const count =
    kind === "partner"
      ? random.integer(3, 10)
      : Math.max(4, Math.min(400, Math.round(sessionsPerDay * 1.5)));
  return Array.from({ length: count }, (_, n) => ({
    userId: `${clientId}-user-${n + 1}`,
    ip: kind === "partner" ? random.pick(offices) : address(random, "home"),
    mobile: kind === "consumer" && random.chance(0.4),
    // The first user exists from the start, so that a client always has a user.
    joinsMs:
      n > 0 && random.chance(0.1)
        ? options.startMs + random.between(0, options.days) * DAY_MS
        : Number.NEGATIVE_INFINITY,
  }));
}

function createAddresses(random: Random, kind: ClientKind): string[] {
  if (kind === "service") return addressesApart(random, "hosting", random.integer(1, 2));
  if (kind === "consumer") return [];
  const office = network(random, "office");
  return Array.from({ length: random.integer(1, 3) }, () => addressIn(random, office));
}

/** Returns the clients, busiest first. The n-th is used 1/n times as often as the first. */
export function population(options: PopulationOptions): TrafficClient[] {
  const all = harmonicNumber(options.clients);
  const counts: Record<ClientKind, number> = { consumer: 0, service: 0, partner: 0 };
  return Array.from({ length: options.clients }, (_, rank) => {
    const kind = KINDS[rank % KINDS.length] as ClientKind;
    const name = getName(kind, counts[kind]);
    counts[kind] += 1;
    const clientId = name.toLowerCase().replaceAll(" ", "-");
    const random = new Random(options.seed, "client", clientId);
    const eventsPerDay = options.eventsPerDay / (rank + 1) / all;
    const addresses = createAddresses(random, kind);
    const instances = Math.round(eventsPerDay / 24 / EVENTS_PER_INSTANCE_HOUR);
    return {
      clientId,
      name,
      kind,
      firstMs: firstMs(options, rank),
      eventsPerDay,
      userAgent: random.pick(USER_AGENTS[kind]),
      endpoints: random.shuffled(ENDPOINTS).slice(0, random.integer(4, 8)),
      scopes: SCOPES[kind],
      tokenLifetimeMs: kind === "partner" ? 4 * HOUR_MS : HOUR_MS,
      addresses,
      users:
        kind === "service"
          ? []
          : createUsers(random, clientId, kind, addresses, { eventsPerDay, options }),
      instances: Math.max(1, Math.min(MAX_INSTANCES, instances)),
    };
  });
}
