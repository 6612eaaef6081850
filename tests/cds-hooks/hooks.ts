/**
 * An EHR in a test: a service with CDS Hooks on a database in memory, and short forms of what an EHR sends.
 */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { MedicationRequest, Observation, Patient, Resource } from '@medplum/fhirtypes';
import express from 'express';
import { CommentSeal } from '../../src/answers/comment.ts';
import { recordAnswer } from '../../src/answers/record-answer.ts';
import { userHasher } from '../../src/answers/user-hash.ts';
import type { CdsCard } from '../../src/cds-hooks/card.ts';
import { CardBook } from '../../src/cds-hooks/card-book.ts';
import { cdsHooks } from '../../src/cds-hooks/cds-hooks.ts';
import type { CdsClient, CdsHooksSettings } from '../../src/cds-hooks/client.ts';
import { openClient } from '../../src/config/cds-hooks.ts';
import { readRuleSet } from '../../src/rule-files/read-rule-set.ts';
import { openStore, type Store } from '../../src/store/store.ts';
import type { ConnectionId } from '../../src/vocabulary/ids.ts';
import { openLog } from '../../src/watch/log.ts';

export const NOON = new Date('2026-05-12T12:00:00Z');
export const WARD = 'ward' as ConnectionId;
export const PUBLIC_URL = 'https://cds.example.org';
export const RULES = readRuleSet(fileURLToPath(new URL('../../rules', import.meta.url)), {
  settings: { homeTimeZone: 'Europe/London' },
});

export const SETTINGS: CdsHooksSettings = {
  hooks: ['patient-view', 'order-select', 'order-sign', 'encounter-discharge'],
  authentication: 'off',
  publicDiscovery: true,
  mostCards: 3,
  openFhir: false,
  largestBody: 5 * 1024 * 1024,
  cardDays: 400,
  callsPerMinute: 6000,
};

export interface Answered {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly cards: readonly CdsCard[];
}

export class Ehr implements AsyncDisposable {
  readonly store: Store;
  readonly url: string;
  readonly cardBook: CardBook;
  readonly logged: string[];
  /** The service's clock. */
  now = NOON;
  readonly #server: Server;
  readonly #ownsStore: boolean;

  private constructor(
    store: Store,
    ownsStore: boolean,
    settings: CdsHooksSettings,
    clients: readonly CdsClient[],
  ) {
    this.store = store;
    this.#ownsStore = ownsStore;
    this.logged = [];
    const log = openLog('debug', { write: (line) => void this.logged.push(line) });
    this.cardBook = new CardBook(store, log, settings.cardDays);
    const seal = new CommentSeal('test');
    const answers = { store, seal, ruleVersion: () => '1.0.0' };
    const app = express();
    app.use(
      '/cds-services',
      cdsHooks({
        settings,
        clients,
        ruleSet: RULES,
        store,
        db: store.db,
        cardBook: this.cardBook,
        publicUrl: PUBLIC_URL,
        userHash: userHasher('test'),
        answer: (given) => recordAnswer(given, answers),
        seal: (comment, of) => seal.seal(comment, of),
        log,
        now: () => this.now,
      }),
    );
    this.#server = createServer(app);
    this.#server.keepAliveTimeout = 60_000; // a slow step of a test must not lose its connection
    this.#server.listen(0, '127.0.0.1');
    this.url = '';
  }

  /** @param beside an EHR on the same database, which stays its owner */
  static async open(
    settings: Partial<CdsHooksSettings> = {},
    clients: readonly CdsClient[] = [openClient({ id: WARD, base: 'https://ehr.example.org/fhir' }, 2000)],
    beside?: Ehr,
  ): Promise<Ehr> {
    const store = beside?.store ?? (await openStore({ dataDir: 'memory://', connections: [WARD] }));
    const ehr = new Ehr(store, beside === undefined, { ...SETTINGS, ...settings }, clients);
    if (!ehr.#server.listening) await once(ehr.#server, 'listening');
    const { port } = ehr.#server.address() as AddressInfo;
    Object.assign(ehr, { url: `http://127.0.0.1:${port}/cds-services` });
    return ehr;
  }

  async post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Answered> {
    const response = await fetch(`${this.url}/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
    const text = await response.text();
    const parsed = text.startsWith('{') ? (JSON.parse(text) as { cards?: CdsCard[] }) : {};
    return { status: response.status, headers: response.headers, text, cards: parsed.cards ?? [] };
  }

  call(hook: string, body: object, headers: Record<string, string> = {}): Promise<Answered> {
    return this.post(`cramp-risk-${hook}`, { hook, ...body }, headers);
  }

  async feedback(hook: string, ...feedback: object[]): Promise<Answered> {
    return await this.post(`cramp-risk-${hook}/feedback`, { feedback });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await this.cardBook[Symbol.asyncDispose]();
    if (this.#ownsStore) await this.store[Symbol.asyncDispose]();
  }
}

let calls = 0;

/** A call about one patient: `hookInstance` of its own, context and prefetch as given. */
export function about(
  patientId: string,
  prefetch: Record<string, unknown> | undefined,
  context: object = {},
): Record<string, unknown> {
  calls += 1;
  return {
    hookInstance: `00000000-0000-4000-8000-${String(calls).padStart(12, '0')}`,
    context: { userId: 'Practitioner/example', patientId, ...context },
    ...(prefetch === undefined ? {} : { prefetch }),
  };
}

const NOTHING = { resourceType: 'Bundle', type: 'searchset', total: 0 };

/** Every key of our templates, empty where nothing is given. */
export function prefetchOf(patient: Patient, ...resources: Resource[]): Record<string, unknown> {
  const of = (...types: string[]): object =>
    searchset(...resources.filter((one) => types.includes(one.resourceType)));
  return {
    patient,
    labs: of('Observation'),
    signs: NOTHING,
    meds: of('MedicationRequest', 'Medication'),
    statements: of('MedicationStatement'),
    administrations: null,
    dispenses: null,
    conditions: of('Condition'),
    allergies: of('AllergyIntolerance'),
    procedures: NOTHING,
    answers: of('QuestionnaireResponse'),
    orders: of('ServiceRequest'),
    plans: NOTHING,
    encounters: NOTHING,
    reports: NOTHING,
    specimens: NOTHING,
  };
}

export function searchset(...resources: Resource[]): object {
  return { resourceType: 'Bundle', type: 'searchset', entry: resources.map((resource) => ({ resource })) };
}

export function patientOf72(rest: Partial<Patient> = {}): Patient {
  return { resourceType: 'Patient', id: 'p72', gender: 'male', birthDate: '1954-01-20', ...rest };
}

export function potassium(value: number, rest: Partial<Observation> = {}): Observation {
  return {
    resourceType: 'Observation',
    id: 'k',
    status: 'final',
    category: [
      {
        coding: [
          { system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'laboratory' },
        ],
      },
    ],
    code: { coding: [{ system: 'http://loinc.org', code: '2823-3' }], text: 'Potassium' },
    subject: { reference: 'Patient/p72' },
    effectiveDateTime: '2026-05-12T08:00:00Z',
    valueQuantity: { value, unit: 'mmol/L', system: 'http://unitsofmeasure.org', code: 'mmol/L' },
    referenceRange: [{ low: { value: 3.5 }, high: { value: 5.1 } }],
    interpretation: [{ coding: [{ code: value < 3.5 ? 'L' : 'N' }] }],
    ...rest,
  };
}

const RXNORM = 'http://www.nlm.nih.gov/research/umls/rxnorm';

function medicine(
  id: string,
  code: string,
  text: string,
  rest: Partial<MedicationRequest>,
): MedicationRequest {
  return {
    resourceType: 'MedicationRequest',
    id,
    status: 'active',
    intent: 'order',
    subject: { reference: 'Patient/p72' },
    authoredOn: '2026-05-02',
    medicationCodeableConcept: { coding: [{ system: RXNORM, code }], text },
    ...rest,
  };
}

export function prednisone(rest: Partial<MedicationRequest> = {}): MedicationRequest {
  return medicine('pred', '312615', 'prednisone 20 mg tablet', rest);
}

export function ciprofloxacin(rest: Partial<MedicationRequest> = {}): MedicationRequest {
  const text = 'ciprofloxacin 500 mg tablet';
  return medicine('cip', '309309', text, { status: 'draft', authoredOn: '2026-05-12', ...rest });
}

/** Drafts as order hooks carry them. */
export function drafts(...orders: Resource[]): object {
  return {
    draftOrders: {
      resourceType: 'Bundle',
      type: 'collection',
      entry: orders.map((resource) => ({ resource })),
    },
  };
}
