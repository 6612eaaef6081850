/**
 * The only door to a hospital's FHIR server. One Gate per connection.
 *
 * Every call goes once, to an address of this server, within time and size, and answers with a closed
 * union; whoever called decides what to do next. Writes outside the permit throw before a socket opens.
 * There is no delete: the service takes back what it wrote by status.
 */
import type {
  Bundle,
  CapabilityStatement,
  ExtractResource,
  Identifier,
  Questionnaire,
  Resource,
  ResourceType,
} from '@medplum/fhirtypes';
import { parseReference, type ResourceReference } from '../vocabulary/ids.ts';
import {
  callEnd,
  type Expected,
  entryOutcome,
  expectBundle,
  expectResource,
  issueCode,
  readOutcome,
  readTrouble,
  writeOutcome,
} from './answers.ts';
import { type Answer, type Call, call } from './call.ts';
import { COMPANION_TYPES, type Connection, LIMITS } from './connection.ts';
import { Lane } from './lane.ts';
import { isRefusedAs, type ReadOutcome, type Refused, type Trouble, type WriteOutcome } from './outcomes.ts';
import { gatherPages, missing, type NoPage, type Page, resourcesOf, smallerPages } from './pages.ts';
import { identifierQuery, isSafeRequest, queryOf, SAFE_REQUEST, type SearchParams } from './requests.ts';
import { isSafeTarget, isSafeType, type ServerAddress, serverAddress } from './server-address.ts';
import { Tokens } from './tokens.ts';
import { Turns } from './turns.ts';
import { type OwnMarks, requireBundlePermit, requirePermit } from './write-permit.ts';

export interface Metadata {
  readonly statement: CapabilityStatement;
  readonly serverTime?: Date;
}

/** A page of deletions, or why there is none. */
export type Deletions =
  | { readonly outcome: 'found'; readonly resource: readonly ResourceReference[] }
  | NoPage;

/** One outcome for each entry, in the order asked; `committed` only when every entry was written. */
export type TransactionOutcome =
  | { readonly outcome: 'committed'; readonly entries: readonly WriteOutcome[] }
  | { readonly outcome: 'partial'; readonly entries: readonly WriteOutcome[] }
  | Exclude<WriteOutcome, { outcome: 'written' | 'version-needed' | 'gone' }>;

export interface GateOptions {
  /** Milliseconds since the epoch; for token life and `Retry-After` dates. */
  readonly now?: () => number;
  /** Questionnaires that this gate may write, to the letter; none when left out. */
  readonly forms?: readonly Questionnaire[];
}

const FHIR_JSON = 'application/fhir+json';
const CONDITIONAL_WRITERS = 2; // more collide even on different keys: Medplum 5.1.3, 10-18 % of them with four
const UNSAFE: Refused = { outcome: 'refused', reason: 'unsafe-id' };
const FOREIGN: Refused = { outcome: 'refused', reason: 'foreign-address' };

export class Gate {
  readonly connection: Connection;
  /** How hard the server is asked. */
  readonly lane: Lane;
  readonly #address: ServerAddress;
  readonly #conditional = new Turns(() => CONDITIONAL_WRITERS);
  readonly #tokens: Tokens;
  readonly #own: OwnMarks;
  readonly #timeoutMs: number;
  readonly #now: () => number;

  /**
   * @param deviceSystem identifier system of the service's own Device, the only one it may write
   * @throws Error when the connection's base is not a usable address
   */
  constructor(
    connection: Connection,
    deviceSystem: string,
    { now = Date.now, forms = [] }: GateOptions = {},
  ) {
    this.connection = connection;
    this.#address = serverAddress(connection.base, connection.baseAliases);
    this.#timeoutMs = connection.timeoutMs ?? LIMITS.timeoutMs;
    this.#now = now;
    this.lane = new Lane({ concurrency: connection.concurrency ?? LIMITS.concurrency, now });
    this.#tokens = new Tokens(connection.auth, this.#timeoutMs, now);
    const companions = COMPANION_TYPES.filter((type) => connection.companions?.[type] !== undefined);
    this.#own = { deviceSystem, hookUrl: connection.hookUrl, forms, companions };
  }

  async capability(): Promise<ReadOutcome<CapabilityStatement>> {
    const told = await this.metadata();
    return told.outcome === 'found' ? { ...told, resource: told.resource.statement } : told;
  }

  /** The CapabilityStatement, and what time it is at the server when that is told. */
  async metadata(): Promise<ReadOutcome<Metadata>> {
    const answer = await this.#call('GET', 'metadata', {});
    if (isTrouble(answer)) return answer;
    const expected = expectResource<CapabilityStatement>('CapabilityStatement');
    const read = baseMissing(readOutcome(answer, expected, this.#now()));
    if (read.outcome !== 'found') return read;
    const date = Date.parse('fault' in answer ? '' : (answer.headers.get('date') ?? ''));
    return {
      outcome: 'found',
      resource: {
        statement: read.resource,
        ...(Number.isNaN(date) ? {} : { serverTime: new Date(date) }),
      },
    };
  }

  /** May this type be searched? At most one resource is asked for. */
  async searchOne(type: ResourceType): Promise<ReadOutcome<Bundle>> {
    if (!isSafeType(type)) return UNSAFE;
    return this.#read(`${type}?_count=1`, expectBundle);
  }

  async read<K extends ResourceType>(type: K, id: string): Promise<ReadOutcome<ExtractResource<K>>> {
    if (!isSafeTarget(type, id)) return UNSAFE;
    return this.#read(`${type}/${id}`, expectResource<ExtractResource<K>>(type, id));
  }

  /** Every page of a search, as they come. Also yields what `_include` brought along. */
  async *search(type: ResourceType, params: SearchParams): AsyncGenerator<Page> {
    if (!isSafeType(type)) return yield UNSAFE;
    const first = await this.#read(`${type}?${queryOf(params)}`, expectBundle);
    if (first.outcome === 'found') yield* this.pagesOf(first.resource);
    else yield missing(first);
  }

  /** Deletions of a type since a time, as references, page by page; other changes come by search. */
  async *deletions(type: ResourceType, since: Date): AsyncGenerator<Deletions> {
    if (!isSafeType(type)) return yield UNSAFE;
    const first = await this.#read(
      `${type}/_history?${queryOf({ _since: since.toISOString(), _count: '100' })}`,
      expectBundle,
    );
    if (first.outcome !== 'found') return yield missing(first);
    for await (const page of this.#bundlesFrom(first.resource)) {
      if (page.outcome !== 'found') return yield page;
      const entries = page.resource.entry ?? [];
      yield {
        outcome: 'found',
        resource: entries.flatMap(({ request }) =>
          request?.method === 'DELETE' ? (parseReference(request.url) ?? []) : [],
        ),
      };
    }
  }

  /** All resources of a search; trouble on any page is the answer, because a part could be taken for the whole. */
  async searchAll(type: ResourceType, params: SearchParams): Promise<Page> {
    let all = await gatherPages(this.search(type, params));
    for (const smaller of smallerPages(params)) {
      if (!isRefusedAs('too-large', all)) break;
      all = await gatherPages(this.search(type, smaller));
    }
    return all;
  }

  /** The resources of a search Bundle, for example from `batch`, and of all pages that follow it. */
  async *pagesOf(first: Bundle): AsyncGenerator<Page> {
    for await (const page of this.#bundlesFrom(first))
      yield page.outcome === 'found' ? { ...page, resource: resourcesOf(page.resource) } : page;
  }

  /** A Bundle and those that follow it, within the caps; a link that comes twice ends it. */
  async *#bundlesFrom(
    first: Bundle,
  ): AsyncGenerator<{ readonly outcome: 'found'; readonly resource: Bundle } | NoPage> {
    const seen = new Set<string>();
    let resources = 0;
    for (let bundle = first; ; ) {
      resources += bundle.entry?.length ?? 0;
      if (resources > LIMITS.resources) return yield { outcome: 'refused', reason: 'too-many' };
      yield { outcome: 'found', resource: bundle };

      const next = bundle.link?.find((link) => link.relation === 'next')?.url;
      if (next === undefined || seen.has(next)) return;
      seen.add(next);
      if (seen.size >= LIMITS.pages) return yield { outcome: 'refused', reason: 'too-many' };
      const page = await this.#read(next, expectBundle);
      if (page.outcome !== 'found') return yield missing(page);
      bundle = page.resource;
    }
  }

  /**
   * Several reads or searches in one request.
   *
   * @param requests relative: `Patient/7`, `Observation?patient=7`
   * @returns one outcome each, in order, or the trouble of the whole
   */
  async batch(requests: readonly string[]): Promise<ReadOutcome<readonly ReadOutcome<Resource>[]>> {
    if (!requests.every(isSafeRequest)) return UNSAFE;
    const entry = requests.map((url) => ({ request: { method: 'GET' as const, url } }));
    const answer = await this.#call('POST', '.', {}, { resourceType: 'Bundle', type: 'batch', entry });
    if (isTrouble(answer)) return answer;
    const outcome = baseMissing(readOutcome(answer, expectBundle, this.#now()));
    if (outcome.outcome !== 'found') return outcome;
    const entries = outcome.resource.entry ?? [];
    if (entries.length !== requests.length) return readTrouble('wrong-content');
    return {
      outcome: 'found',
      resource: requests.map((request, index) => entryRead(request, entries[index])),
    };
  }

  /** Notices of a topic Subscription once more, from one number to another, both included. */
  async subscriptionEvents(id: string, from: number, until: number): Promise<ReadOutcome<Bundle>> {
    if (!isSafeTarget('Subscription', id)) return UNSAFE;
    const range = queryOf({ eventsSinceNumber: String(from), eventsUntilNumber: String(until) });
    return this.#read(`Subscription/${id}/$events?${range}`, expectBundle);
  }

  /** How a topic Subscription is, in the server's own words. */
  async subscriptionStatus(id: string): Promise<ReadOutcome<Bundle>> {
    if (!isSafeTarget('Subscription', id)) return UNSAFE;
    return this.#read(`Subscription/${id}/$status`, expectBundle);
  }

  async create(resource: Resource): Promise<WriteOutcome> {
    return this.#write('POST', resource);
  }

  /** Creates unless a resource with this identifier exists; a 412 means that several do. */
  async createIfNone(resource: Resource, identifier: Identifier): Promise<WriteOutcome> {
    return this.#createUnless(identifierQuery(identifier), resource);
  }

  /** The same for a definition, which is known by its canonical address. */
  async createIfNoneAt(resource: Questionnaire & { url: string }): Promise<WriteOutcome> {
    return this.#createUnless(queryOf({ url: resource.url }), resource);
  }

  /** First write under an id that we choose; a server that knows the header never overwrites with it. */
  async put(resource: Resource & { id: string }): Promise<WriteOutcome> {
    return this.#write('PUT', resource, { 'if-none-match': '*' });
  }

  /** @param versionId the version that was read; undefined where the server keeps no versions */
  async update(resource: Resource & { id: string }, versionId: string | undefined): Promise<WriteOutcome> {
    return this.#write('PUT', resource, versionId === undefined ? {} : { 'if-match': `W/"${versionId}"` });
  }

  async transaction(bundle: Bundle & { type: 'transaction' }): Promise<TransactionOutcome> {
    requireBundlePermit(bundle, this.#own);
    const answer = await this.#conditional.run(() => this.#call('POST', '.', {}, bundle));
    if (isTrouble(answer)) return answer;
    if (this.#isLostRace(answer)) return { outcome: 'conflict' };
    const whole = writeOutcome(answer, 'Bundle', this.#now());
    if (whole.outcome === 'gone' || whole.outcome === 'version-needed')
      return { outcome: 'refused', reason: whole.outcome === 'gone' ? 'base-missing' : 'rejected' };
    if (whole.outcome !== 'written') return whole.outcome === 'precondition' ? { outcome: 'several' } : whole;

    const answered = 'fault' in answer || !expectBundle(answer.body) ? [] : (answer.body.entry ?? []);
    const entries = (bundle.entry ?? []).map((_, index) => {
      const entry = answered[index];
      return entryOutcome(entry?.response, entry?.resource);
    });
    return {
      outcome: entries.every((entry) => entry.outcome === 'written') ? 'committed' : 'partial',
      entries,
    };
  }

  /** Medplum answers 400 when a conditional entry loses a race on the same key. */
  #isLostRace(answer: Answer): boolean {
    if (this.connection.kind !== 'medplum' || 'fault' in answer || answer.status !== 400) return false;
    return (
      issueCode(answer.body) !== undefined &&
      JSON.stringify(answer.body).includes('did not match resolved ID')
    );
  }

  async #createUnless(query: string, resource: Resource): Promise<WriteOutcome> {
    const outcome = await this.#conditional.run(() =>
      this.#write('POST', resource, { 'if-none-exist': query }),
    );
    return outcome.outcome === 'precondition' ? { outcome: 'several' } : outcome;
  }

  async #write(
    method: 'POST' | 'PUT',
    resource: Resource,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<WriteOutcome> {
    requirePermit(resource, this.#own);
    const { resourceType, id = '' } = resource;
    if (method === 'PUT' && !isSafeTarget(resourceType, id)) return UNSAFE;
    const path = method === 'PUT' ? `${resourceType}/${id}` : resourceType;
    const answer = await this.#call(method, path, headers, resource);
    return isTrouble(answer) ? answer : writeOutcome(answer, resourceType, this.#now());
  }

  async #read<T>(link: string, expected: Expected<T>): Promise<ReadOutcome<T>> {
    const answer = await this.#call('GET', link, {});
    return isTrouble(answer) ? answer : readOutcome(answer, expected, this.#now());
  }

  /** One call with a token; a 401 is tried once more with a fresh one. Nothing of it was carried out. */
  async #call(
    method: Call['method'],
    link: string,
    headers: Record<string, string>,
    body?: Resource,
  ): Promise<Answer | Trouble> {
    const url = this.#address.own(link);
    if (url === undefined) return FOREIGN;
    for (let attempt = 1; ; attempt++) {
      const held = await this.#tokens.current();
      if (held.outcome !== 'token') return held;
      const asked: Call = {
        method,
        url,
        timeoutMs: this.#timeoutMs,
        headers: {
          accept: FHIR_JSON,
          ...(body === undefined ? {} : { 'content-type': FHIR_JSON }),
          ...(held.token === undefined ? {} : { authorization: `${held.scheme} ${held.token}` }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      };
      const answer = await this.lane.run(
        () => call(asked),
        (one) => callEnd(one, this.#now()),
      );
      if (isTrouble(answer)) return answer;
      const refused = !('fault' in answer) && answer.status === 401;
      if (!refused || attempt > 1 || !this.#tokens.refuse(held.token)) return answer;
    }
  }
}

function entryRead(
  request: string,
  entry: NonNullable<Bundle['entry']>[number] | undefined,
): ReadOutcome<Resource> {
  const status = Number.parseInt(entry?.response?.status ?? '', 10);
  const [, type = '', id] = SAFE_REQUEST.exec(request) ?? [];
  const expected: Expected<Resource> = id === undefined ? expectBundle : expectResource(type, id);
  const answer = {
    status: Number.isNaN(status) ? 502 : status,
    headers: new Headers(),
    body: entry?.resource,
  };
  const outcome = readOutcome({ ...answer, body: entry?.resource ?? entry?.response?.outcome }, expected, 0);
  return outcome.outcome === 'gone' && id === undefined
    ? { outcome: 'refused', reason: 'rejected' }
    : outcome;
}

function baseMissing<T>(outcome: ReadOutcome<T>): ReadOutcome<T> {
  return outcome.outcome === 'gone' ? { outcome: 'refused', reason: 'base-missing' } : outcome;
}

function isTrouble(answer: Answer | Trouble): answer is Trouble {
  return 'outcome' in answer;
}
