/**
 * Asks the EHR for what a call did not bring: with the token of the call, from registered servers only.
 *
 * Why so careful: `fhirServer` is written by the caller. Used as it is, it would let anybody make this
 * service send requests, and a clinician's token, to any address. Source: care-team 6.
 */
import type { Resource } from '@medplum/fhirtypes';
import type { ConnectionAuth } from '../connections/connection.ts';
import { Gate } from '../connections/gate.ts';
import type { Page } from '../connections/pages.ts';
import type { JsonObject } from '../vocabulary/json.ts';
import type { CdsClient } from './client.ts';
import type { PrefetchState } from './prefetch.ts';
import type { HookCall } from './read-call.ts';
import { TEMPLATES, type Template } from './services.ts';
import { wellFormed } from './well-formed.ts';

/** States of all keys, by key. */
export type Prefetched = ReadonlyMap<string, PrefetchState>;

const LONGEST_FETCH_MS = 300;
const MORE_PAGES = 3;

/** @param leftMs time until the answer is due */
export async function fetchMissing(
  states: Prefetched,
  call: HookCall,
  client: CdsClient,
  { openFhir, leftMs }: { readonly openFhir: boolean; readonly leftMs: number },
): Promise<Prefetched> {
  const gate = gateFor(call, client, openFhir, Math.min(LONGEST_FETCH_MS, leftMs));
  if (gate === undefined) return states;
  const late = deadline(Math.min(LONGEST_FETCH_MS, leftMs));
  const all = await Promise.all(
    TEMPLATES.map(async (template): Promise<[string, PrefetchState]> => {
      const state = states.get(template.key) ?? { state: 'missing' };
      const better = completed(state, template, call, gate);
      return [
        template.key,
        better === undefined ? state : await Promise.race([better, late.then(() => afterDeadline(state))]),
      ];
    }),
  );
  late.cancel();
  return new Map(all);
}

/** May the EHR be asked at all? Its base must be one that the hospital registered for this client. */
export function mayAsk({ fhirServer, accessToken }: HookCall, client: CdsClient, openFhir: boolean): boolean {
  if (fhirServer === undefined || (accessToken === undefined && !openFhir)) return false;
  return client.fhirServers.some((base) => withoutSlash(base) === withoutSlash(fhirServer));
}

function withoutSlash(url: string): string {
  return url.replace(/\/+$/, '');
}

function gateFor(call: HookCall, client: CdsClient, openFhir: boolean, ms: number): Gate | undefined {
  if (!mayAsk(call, client, openFhir) || ms <= 0) return undefined;
  const { accessToken: token } = call;
  const auth: ConnectionAuth = token === undefined ? { type: 'none' } : { type: 'bearer', token };
  const base = withoutSlash(call.fhirServer ?? '');
  // The gate gives a third of its time to the first byte; the deadline of the call cuts both.
  const connection = { id: client.connectionId, kind: 'generic-r4' as const, base, auth };
  return new Gate(
    { ...connection, timeoutMs: ms * 3, concurrency: TEMPLATES.length, hookUrl: '', criteria: [] },
    '',
  );
}

/** What would make this state better; undefined when nothing is to be asked. */
function completed(
  state: PrefetchState,
  template: Template,
  call: HookCall,
  gate: Gate,
): Promise<PrefetchState> | undefined {
  switch (state.state) {
    case 'missing':
      return template.search === undefined ? readPatient(call, gate) : searched(template, call, gate);
    case 'partial':
      return state.page === undefined ? undefined : allPages(gate.pagesOf(state.page));
    case 'ok':
    case 'empty':
    case 'failed': // do not ask again for the same thing
      return undefined;
  }
}

async function readPatient({ patientId }: HookCall, gate: Gate): Promise<PrefetchState> {
  const read = await gate.read('Patient', patientId);
  return read.outcome === 'found' ? { state: 'ok', resources: [read.resource] } : { state: 'failed' };
}

function searched({ type, search = '' }: Template, call: HookCall, gate: Gate): Promise<PrefetchState> {
  const params = Object.fromEntries(new URLSearchParams(`patient=${call.patientId}&${search}`));
  return allPages(gate.search(type as Resource['resourceType'], params));
}

/** Follows the pages while they may be followed; what is left after that makes it a part. */
async function allPages(pages: AsyncIterable<Page>): Promise<PrefetchState> {
  const resources: Resource[] = [];
  let seen = 0;
  for await (const page of pages) {
    if (page.outcome !== 'found' || ++seen > 1 + MORE_PAGES)
      return seen === 0 ? { state: 'failed' } : { state: 'partial', resources };
    resources.push(
      ...page.resource.map((one) => wellFormed(one as unknown as JsonObject) as unknown as Resource),
    );
  }
  return resources.length === 0 ? { state: 'empty' } : { state: 'ok', resources };
}

function afterDeadline(state: PrefetchState): PrefetchState {
  return state.state === 'partial' ? { state: 'partial', resources: state.resources } : { state: 'failed' };
}

function deadline(ms: number): Promise<void> & { cancel(): void } {
  let timer: NodeJS.Timeout;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  return Object.assign(late, { cancel: () => clearTimeout(timer) });
}
