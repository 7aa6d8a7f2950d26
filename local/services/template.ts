import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** A synthesized stack on disk. */
export interface Assembly {
  readonly directory: string;
  readonly stackName: string;
}

/** A resource of the template. Its properties still contain intrinsic functions. */
interface Resource {
  readonly Type: string;
  readonly Properties?: Record<string, unknown>;
}

/** A resource whose intrinsic functions are resolved to local values. */
interface LocalResource<P = Record<string, unknown>> {
  readonly logicalId: string;
  readonly properties: P;
}

export const REGION = "us-east-1";
export const ACCOUNT = "000000000000";

const PSEUDO_PARAMETERS: Readonly<Record<string, string>> = {
  "AWS::Region": REGION,
  "AWS::AccountId": ACCOUNT,
  "AWS::Partition": "aws",
  "AWS::URLSuffix": "amazonaws.com",
};

/** Service and resource prefix in the ARN, by resource type. */
const ARN_PREFIXES: Readonly<Record<string, string>> = {
  "AWS::DynamoDB::Table": "dynamodb:table/",
  "AWS::SQS::Queue": "sqs:",
  "AWS::Lambda::Function": "lambda:function:",
  "AWS::Events::EventBus": "events:event-bus/",
  "AWS::Events::Archive": "events:archive/",
  "AWS::Events::Rule": "events:rule/",
  "AWS::KMS::Key": "kms:key/",
  "AWS::SNS::Topic": "sns:",
  "AWS::IAM::Role": "iam:role/",
  "AWS::KinesisFirehose::DeliveryStream": "firehose:deliverystream/",
  "AWS::S3::Bucket": "s3:",
  "AWS::Logs::LogGroup": "logs:log-group:",
  "AWS::CloudWatch::Alarm": "cloudwatch:alarm:",
};

/** The synthesized template with local names and ARNs. A resource's logical ID also serves as its physical name. */
export class Template {
  readonly #resources: Readonly<Record<string, Resource>>;
  readonly #addresses = new Map<string, string>();

  constructor(
    private readonly assembly: Assembly,
    /** Endpoint of the local SQS, needed because a queue's `Ref` resolves to its URL. */
    private readonly queueEndpoint: string,
  ) {
    const file = join(assembly.directory, `${assembly.stackName}.template.json`);
    this.#resources = JSON.parse(readFileSync(file, "utf8")).Resources;
  }

  /** Returns the resources of a type, with resolved properties. */
  resources<P = Record<string, unknown>>(type: string): LocalResource<P>[] {
    return Object.entries(this.#resources)
      .filter(([, resource]) => resource.Type === type)
      .map(([logicalId, resource]) => ({
        logicalId,
        properties: this.#resolve(resource.Properties ?? {}) as P,
      }));
  }

  /**
   * Returns the only resource of a type.
   *
   * @throws Error unless there is exactly one
   */
  only<P = Record<string, unknown>>(type: string): LocalResource<P> {
    const [first, second] = this.resources<P>(type);
    if (!first || second) throw new Error(`the template must have exactly one ${type}`);
    return first;
  }

  /** Returns the ARN of a resource. */
  arn(logicalId: string): string {
    return this.#attribute(logicalId, "Arn");
  }

  /** Returns the directory of a function's bundle. */
  assetDirectory(s3Key: string): string {
    const directory = join(this.assembly.directory, `asset.${s3Key.replace(/\.zip$/, "")}`);
    if (!existsSync(directory))
      throw new Error(`the assembly has no bundle ${directory}. Run npm run build`);
    return directory;
  }

  queueUrl(logicalId: string): string {
    return `${this.queueEndpoint}/${ACCOUNT}/${logicalId}`;
  }

  /**
   * Sets the URL of an HTTP API, a function URL or a user pool. References to the resource's address resolve to this
   * URL.
   */
  setAddress(logicalId: string, url: string): void {
    this.#addresses.set(logicalId, url);
  }

  #resolve(value: unknown): unknown {
    if (Array.isArray(value)) return value.map((member) => this.#resolve(member));
    if (typeof value !== "object" || value === null) return value;
    const [name, argument] = Object.entries(value)[0] ?? [];
    const isFunction =
      name !== undefined &&
      Object.keys(value).length === 1 &&
      (name === "Ref" || name.startsWith("Fn::"));
    if (isFunction) return this.#call(name, argument);
    return Object.fromEntries(
      Object.entries(value).map(([key, member]) => [key, this.#resolve(member)]),
    );
  }

  #call(name: string, argument: unknown): unknown {
    switch (name) {
      case "Ref":
        return this.#ref(String(argument));
      case "Fn::GetAtt":
        return this.#attribute(...(argument as [string, string]));
      case "Fn::Join": {
        const [separator, parts] = argument as [string, unknown[]];
        return parts.map((part) => this.#resolve(part)).join(separator);
      }
      case "Fn::Select": {
        const [index, list] = argument as [number, unknown];
        return (this.#resolve(list) as unknown[])[Number(index)];
      }
      case "Fn::Split": {
        const [separator, text] = argument as [string, unknown];
        return String(this.#resolve(text)).split(separator);
      }
      case "Fn::Sub":
        return String(argument).replace(/\$\{([^${}]+)\}/g, (_, id: string) =>
          String(this.#ref(id)),
        );
      default:
        throw new Error(`the local stack does not support ${name}: add it to template.ts`);
    }
  }

  #ref(id: string): string {
    const pseudo = PSEUDO_PARAMETERS[id];
    if (pseudo !== undefined) return pseudo;
    switch (this.#resources[id]?.Type) {
      case "AWS::SQS::Queue":
        return this.queueUrl(id);
      case "AWS::SNS::Topic":
        return this.#attribute(id, "Arn");
      case "AWS::Cognito::UserPoolResourceServer":
        return String(this.#resolve(this.#resources[id]?.Properties?.Identifier));
      case "AWS::Lambda::Alias":
        // In the local stack, a function has only one version.
        return this.#attribute(
          String(this.#resolve(this.#resources[id]?.Properties?.FunctionName)),
          "Arn",
        );
      default:
        return id;
    }
  }

  #attribute(id: string, attribute: string): string {
    const type = this.#resources[id]?.Type ?? "";
    const address = this.#addresses.get(id);
    if (address !== undefined && ["ApiEndpoint", "ProviderURL"].includes(attribute)) return address;
    // Unlike an API endpoint, a function URL ends with a slash.
    if (address !== undefined && attribute === "FunctionUrl") return `${address}/`;
    const prefix = ARN_PREFIXES[type];
    if (attribute !== "Arn" || prefix === undefined) return `${id}.${attribute}`;
    const colon = prefix.indexOf(":");
    return getArn(prefix.slice(0, colon), `${prefix.slice(colon + 1)}${id}`);
  }
}

/** Returns the ARN of a resource in the local account. */
export function getArn(service: string, resource: string): string {
  return `arn:aws:${service}:${REGION}:${ACCOUNT}:${resource}`;
}

/** Returns the logical ID at the end of a local ARN, or of an invocation URI that contains one. */
export function logicalIdOfArn(arn: string): string {
  const path = arn.replace(/\/invocations$/, "");
  return path.split(/[:/]/).at(-1) ?? path;
}
