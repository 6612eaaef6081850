/**
 * A hospital in a test: a FHIR server, the service subscribed to it, and short forms of what a laboratory does.
 */
import { createHmac } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import type {
  Bundle,
  CarePlan,
  DetectedIssue,
  Observation,
  Patient,
  Provenance,
  Resource,
} from '@medplum/fhirtypes';
import type { Config, ConfiguredConnection } from '../../src/config.ts';
import type { Evaluated } from '../../src/evaluation/evaluate.ts';
import { readRuleModels } from '../../src/rule-files/read-rule-models.ts';
import { readRuleSet } from '../../src/rule-files/read-rule-set.ts';
import { type Sandbox, type SandboxOptions, startSandbox } from '../../src/sandbox/sandbox.ts';
import { type Running, start } from '../../src/start.ts';
import type { ConnectionId } from '../../src/vocabulary/ids.ts';
import { openLog } from '../../src/watch/log.ts';
import { freePort } from '../store/free-port.ts';

const RULE_FOLDER = fileURLToPath(new URL('../../rules', import.meta.url));
export const RULES = readRuleSet(RULE_FOLDER, { settings: { homeTimeZone: 'Europe/London' } });
export const RULE_MODELS = readRuleModels(RULE_FOLDER, RULES);
const SECRET = 'e2e-secret-0123456789abcdef0123456789abcdef';
const CRITERIA = ['Observation', 'MedicationRequest', 'MedicationStatement', 'Condition', 'Patient'];

export interface HospitalOptions {
  readonly metrics?: Config['metrics'];
  readonly deliverAs?: 'medplum' | 'hapi';
  readonly clientIds?: SandboxOptions['clientIds'];
  readonly databaseUrl?: string;
  readonly dataDir?: string;
  readonly quietMs?: number;
  readonly sandbox?: Sandbox;
  /** The clock of the hospital's server and of the service. */
  readonly now?: () => Date;
  readonly criteria?: readonly string[];
  /** The server pushes nothing; it is swept this often. */
  readonly pollOnlyEveryMs?: number;
  /** Where browsers reach it, when not at its own port. */
  readonly publicUrl?: string;
  /** Origins that may frame the alert page. */
  readonly frameAncestors?: readonly string[];
  /** Other settings of the connection. */
  readonly ward?: Partial<ConfiguredConnection>;
  /** Further connections of the same service. */
  readonly others?: readonly ConfiguredConnection[];
  /** Hears every line of the log. */
  readonly onLogLine?: (line: string) => void;
}

export class Hospital implements AsyncDisposable {
  readonly sandbox: Sandbox;
  readonly running: Running;
  readonly evaluated: readonly Evaluated[];
  readonly config: Config;
  readonly #ownsSandbox: boolean;

  private constructor(
    sandbox: Sandbox,
    running: Running,
    evaluated: readonly Evaluated[],
    config: Config,
    ownsSandbox: boolean,
  ) {
    this.config = config;
    this.sandbox = sandbox;
    this.running = running;
    this.evaluated = evaluated;
    this.#ownsSandbox = ownsSandbox;
  }

  static async open(options: HospitalOptions = {}): Promise<Hospital> {
    const deliverAs = options.deliverAs ?? 'medplum';
    const sandbox =
      options.sandbox ??
      (await startSandbox({
        port: 0,
        clientIds: options.clientIds ?? 'allowed',
        deliverAs,
        retryAfterMs: [20, 20, 20],
        ...(options.now && { now: options.now }),
      }));
    const port = await freePort();
    const evaluated: Evaluated[] = [];
    const config = configFor(port, sandbox.base, deliverAs, options);
    const running = await start(config, {
      ruleSet: RULES,
      ruleModels: RULE_MODELS,
      log: options.onLogLine
        ? openLog('warn', { write: options.onLogLine })
        : openLog('silent', process.stderr),
      retry: { delaysMs: [50, 100, 200], giveUpAfterMs: 60_000, attempts: 5 },
      onEvaluated: (one) => evaluated.push(one),
      ...(options.now && { now: options.now }),
    });
    await running.subscribe();
    return new Hospital(sandbox, running, evaluated, config, options.sandbox === undefined);
  }

  get hookUrl(): string {
    return `${this.running.url}/hooks/ward`;
  }

  /** Writes over HTTP, as a laboratory system does. */
  async put(...resources: Resource[]): Promise<void> {
    for (const resource of resources) {
      const response = await fetch(`${this.sandbox.base}/${resource.resourceType}/${resource.id}`, {
        method: 'PUT',
        headers: { 'content-type': 'application/fhir+json' },
        body: JSON.stringify(resource),
      });
      if (!response.ok)
        throw new Error(`PUT ${resource.resourceType}: ${response.status} ${await response.text()}`);
    }
  }

  /** Writes a panel in one transaction: no push goes out before all of it is there. */
  async putTogether(resources: readonly Resource[]): Promise<void> {
    const entry = resources.map((resource) => ({
      resource,
      request: { method: 'PUT', url: `${resource.resourceType}/${resource.id}` },
    }));
    const response = await fetch(this.sandbox.base, {
      method: 'POST',
      headers: { 'content-type': 'application/fhir+json' },
      body: JSON.stringify({ resourceType: 'Bundle', type: 'transaction', entry }),
    });
    const answer = (await response.json()) as Bundle;
    const failed = answer.entry?.filter(({ response: one }) => !one?.status?.startsWith('2'));
    if (!response.ok || failed?.length !== 0)
      throw new Error(`transaction: ${response.status} ${JSON.stringify(failed)}`);
  }

  /** A push as the server sends it, signed: one that arrives late, or once more. */
  async push(resource: Resource): Promise<void> {
    const body = JSON.stringify(resource);
    const signature = createHmac('sha256', SECRET).update(body).digest('hex');
    const response = await fetch(this.hookUrl, {
      method: 'POST',
      headers: { 'content-type': 'application/fhir+json', 'x-signature': signature },
      body,
    });
    if (!response.ok) throw new Error(`push: ${response.status} ${await response.text()}`);
  }

  async remove(type: string, id: string): Promise<void> {
    await fetch(`${this.sandbox.base}/${type}/${id}`, { method: 'DELETE' });
  }

  /** Everything pushed, evaluated and delivered. */
  async settled(): Promise<void> {
    await this.sandbox.deliveriesIdle();
    await this.running.quiet();
  }

  issues(): Promise<DetectedIssue[]> {
    return this.#all<DetectedIssue>('DetectedIssue');
  }

  plans(): Promise<CarePlan[]> {
    return this.#all<CarePlan>('CarePlan');
  }

  provenances(): Promise<Provenance[]> {
    return this.#all<Provenance>('Provenance');
  }

  async openIssues(): Promise<DetectedIssue[]> {
    return (await this.issues()).filter(
      ({ status, identifiedPeriod }) => status !== 'entered-in-error' && identifiedPeriod?.end === undefined,
    );
  }

  async #all<R extends Resource>(type: string): Promise<R[]> {
    const found: R[] = [];
    for (let url: string | undefined = `${this.sandbox.base}/${type}?_count=100`; url !== undefined; ) {
      const bundle = (await (await fetch(url)).json()) as Bundle;
      found.push(...(bundle.entry ?? []).map(({ resource }) => resource as R));
      url = bundle.link?.find(({ relation }) => relation === 'next')?.url;
    }
    return found;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.running[Symbol.asyncDispose]();
    if (this.#ownsSandbox) await this.sandbox[Symbol.asyncDispose]();
  }
}

function configFor(
  port: number,
  base: string,
  deliverAs: 'medplum' | 'hapi',
  options: HospitalOptions,
): Config {
  const connection: ConfiguredConnection = {
    id: 'ward' as ConnectionId,
    kind: deliverAs,
    base,
    auth: { type: 'none' },
    hookUrl: `http://127.0.0.1:${port}/hooks/ward`,
    criteria: options.criteria ?? CRITERIA,
    ingressSecret: SECRET,
    ingress:
      options.pollOnlyEveryMs !== undefined
        ? []
        : [
            deliverAs === 'medplum'
              ? { type: 'hmac', header: 'x-signature', secrets: [SECRET], trust: 'body' }
              : { type: 'header', header: 'x-cramp-secret', secrets: [SECRET], trust: 'body' },
          ],
    sweepEveryMs: options.pollOnlyEveryMs ?? 300_000,
    quiet: { ms: options.quietMs ?? 0, maxMs: options.quietMs ?? 0 },
    ...options.ward,
  };
  return {
    port,
    host: '127.0.0.1',
    sandboxPort: 0,
    dataDir: options.dataDir ?? 'memory://',
    ...(options.databaseUrl === undefined ? {} : { databaseUrl: options.databaseUrl }),
    homeTimeZone: 'Europe/London',
    publicUrl: options.publicUrl ?? `http://127.0.0.1:${port}`,
    logLevel: 'silent',
    ...(options.metrics === undefined ? {} : { metrics: options.metrics }),
    connections: [connection, ...(options.others ?? [])],
    alertPage: {
      apps: [
        {
          connectionId: 'ward',
          iss: base,
          clientId: 'cramp-cds-page',
          proof: { type: 'none' },
          frameAncestors: options.frameAncestors ?? [],
        },
      ],
      timeZone: 'Europe/London',
    },
  };
}

export function patient(id: string): Patient {
  return {
    resourceType: 'Patient',
    id,
    gender: 'female',
    birthDate: '1960-02-03',
    name: [{ family: 'Planted-134418', given: ['Test'] }],
  };
}

export function observation(
  id: string,
  patientId: string,
  code: string,
  value: number,
  unit: string,
  hoursAgo: number,
  rest: Partial<Observation> = {},
): Observation {
  return {
    resourceType: 'Observation',
    id,
    status: 'final',
    code: { coding: [{ system: 'http://loinc.org', code }] },
    subject: { reference: `Patient/${patientId}` },
    effectiveDateTime: new Date(Date.now() - hoursAgo * 3_600_000).toISOString(),
    valueQuantity: { value, unit, system: 'http://unitsofmeasure.org', code: unit },
    ...rest,
  };
}

export function potassium(
  id: string,
  patientId: string,
  value: number,
  hoursAgo: number,
  rest: Partial<Observation> = {},
): Observation {
  return observation(id, patientId, '2823-3', value, 'mmol/L', hoursAgo, rest);
}

export function magnesium(id: string, patientId: string, value = 0.85): Observation {
  return observation(id, patientId, '19123-9', value, 'mmol/L', 30);
}
