import * as z from "zod";

/**
 * What OCSF 1.8.0 asks of the classes and objects in use: required attributes, types, enumerated
 * identifiers and "at least one" constraints. Written strictly: an attribute that is not here is refused,
 * so one that the schema does not have cannot slip in.
 * https://schema.ocsf.io/1.8.0 (each object and class has its page there)
 */
const text = z.string();
const timestamp = z.int();

const atLeastOne =
  (...names: string[]) =>
  (value: object) =>
    names.some((name) => name in value);

/** `ip_t`: an address of at most 40 characters. */
const ip = z.union([z.ipv4(), z.ipv6(), text.regex(/^[0-9a-f:.]+%.+$/i)]).and(text.max(40));

const user = z
  .strictObject({
    name: text.optional(),
    uid: text.optional(),
    type: text.optional(),
    type_id: z.literal([0, 1, 2, 3, 4, 99]).optional(),
  })
  .refine(atLeastOne("account", "name", "uid"));

const session = z.strictObject({
  uid: text.optional(),
  created_time: timestamp.optional(),
  expiration_time: timestamp.optional(),
});

const actor = z
  .strictObject({
    app_name: text.optional(),
    app_uid: text.optional(),
    user: user.optional(),
    session: session.optional(),
  })
  .refine(atLeastOne("process", "user", "invoked_by", "session", "app_name", "app_uid"));

const networkEndpoint = z
  .strictObject({ ip: ip.optional(), name: text.optional() })
  .refine(atLeastOne("ip", "uid", "name", "hostname", "svc_name", "instance_uid", "domain"));

const token = z.strictObject({
  uid: text.optional(),
  type: text.optional(),
  // Of an authentication token: 6 and 7 are the API token's alone.
  type_id: z.literal([0, 1, 2, 3, 4, 5, 99]).optional(),
  created_time: timestamp.optional(),
  expiration_time: timestamp.optional(),
});

const service = z.strictObject({ name: text });

const httpRequest = z.strictObject({
  uid: text.optional(),
  http_method: z
    .literal(["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"])
    .optional(),
  url: z.strictObject({ path: text }).optional(),
  user_agent: text.optional(),
});

const base = {
  metadata: z.strictObject({
    version: z.literal("1.8.0"),
    product: z.strictObject({ name: text, vendor_name: text }),
    uid: text.optional(),
    event_code: text.optional(),
    log_name: text.optional(),
    correlation_uid: text.optional(),
  }),
  time: timestamp,
  type_uid: z.int(),
  type_name: text.optional(),
  activity_name: text.optional(),
  severity_id: z.literal([0, 1, 2, 3, 4, 5, 6, 99]),
  severity: text.optional(),
  status: text.optional(),
  status_detail: text.optional(),
  message: text.optional(),
  unmapped: z.record(text, z.unknown()).optional(),
};

const eventStatus = z.literal([0, 1, 2, 99]).optional();

const authentication = z
  .strictObject({
    ...base,
    class_uid: z.literal(3002),
    class_name: z.literal("Authentication"),
    category_uid: z.literal(3),
    category_name: z.literal("Identity & Access Management"),
    activity_id: z.literal([0, 1, 2, 3, 4, 5, 6, 7, 99]),
    status_id: eventStatus,
    user,
    service: service.optional(),
    actor: actor.optional(),
    session: session.optional(),
    auth_protocol_id: z.literal([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 99]).optional(),
    auth_protocol: text.optional(),
    authentication_token: token.optional(),
    src_endpoint: networkEndpoint.optional(),
    http_request: httpRequest.optional(),
  })
  .refine(atLeastOne("service", "dst_endpoint"));

const apiActivity = z.strictObject({
  ...base,
  class_uid: z.literal(6003),
  class_name: z.literal("API Activity"),
  category_uid: z.literal(6),
  category_name: z.literal("Application Activity"),
  activity_id: z.literal([0, 1, 2, 3, 4, 99]),
  status_id: eventStatus,
  actor,
  api: z.strictObject({
    operation: text,
    service: service.optional(),
    token: token.optional(),
  }),
  src_endpoint: networkEndpoint,
  http_request: httpRequest.optional(),
});

const detectionFinding = z.strictObject({
  ...base,
  class_uid: z.literal(2004),
  class_name: z.literal("Detection Finding"),
  category_uid: z.literal(2),
  category_name: z.literal("Findings"),
  activity_id: z.literal([0, 1, 2, 3, 99]),
  status_id: z.literal([0, 1, 2, 3, 4, 5, 6, 99]).optional(),
  is_alert: z.boolean().optional(),
  finding_info: z.strictObject({
    uid: text,
    title: text.optional(),
    analytic: z
      .strictObject({
        name: text,
        type: text.optional(),
        type_id: z.literal([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 99]),
      })
      .optional(),
  }),
  start_time: timestamp.optional(),
  end_time: timestamp.optional(),
  remediation: z.strictObject({ desc: text }).optional(),
  resources: z
    .array(
      z.strictObject({ uid: text.optional(), type: text.optional() }).refine(atLeastOne("uid")),
    )
    .optional(),
  evidences: z
    .array(
      z
        .strictObject({
          actor: actor.optional(),
          src_endpoint: networkEndpoint.optional(),
          http_request: httpRequest.optional(),
          data: z.record(text, z.unknown()).optional(),
        })
        .refine(atLeastOne("actor", "api", "data", "src_endpoint", "user", "url")),
    )
    .optional(),
});

/** An event that conforms to OCSF 1.8.0; `type_uid` is of its class and activity. */
export const ocsfEventSchema = z
  .discriminatedUnion("class_uid", [authentication, apiActivity, detectionFinding])
  .refine((event) => event.type_uid === event.class_uid * 100 + event.activity_id, {
    path: ["type_uid"],
    error: "is not class_uid × 100 + activity_id",
  });
