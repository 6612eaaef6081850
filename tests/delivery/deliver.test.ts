import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { validateResource } from '@medplum/core';
import type { CapabilityStatement, CarePlan, DetectedIssue, Provenance } from '@medplum/fhirtypes';
import { type Capability, capabilityOf } from '../../src/connections/capability.ts';
import { Gate } from '../../src/connections/gate.ts';
import { deliver } from '../../src/delivery/deliver.ts';
import { ensureDevice } from '../../src/delivery/device.ts';
import { identityOf, planIdentityOf } from '../../src/delivery/identity.ts';
import type { DeliveryOutcome, KnownTargets } from '../../src/delivery/outcome.ts';
import type { OwedDelivery } from '../../src/delivery/owed.ts';
import { deviceSystem, type Service } from '../../src/delivery/service.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { connectionTo } from '../connections/scripted-server.ts';
import { EPISODE, LOW_POTASSIUM, later, RAISED, SERVICE_URI, WORSE } from './low-potassium.ts';
import { type Bystander, startProxy } from './proxy.ts';
import { WAYS, type Way } from './ways.ts';

type Level = Way[0];

let sandbox: Sandbox;
let proxy: Bystander;
let gate: Gate;
let capability: Capability;
let service: Service;

async function start([level, transaction]: Way): Promise<void> {
  sandbox = await startSandbox({
    port: 0,
    clientIds: level === 'A' ? 'allowed' : 'refused',
    deliverAs: 'medplum',
  });
  proxy = await startProxy(sandbox.base);
  proxy.capability = (statement) => narrowed(statement as CapabilityStatement, level, transaction);
  const connection = connectionTo(proxy.base, {
    baseAliases: [sandbox.base],
    kind: level === 'A' ? 'hapi' : 'generic-r4',
  });
  gate = new Gate(connection, deviceSystem(SERVICE_URI));
  const statement = await gate.capability();
  if (statement.outcome !== 'found') throw new Error(statement.outcome);
  capability = capabilityOf(statement.resource, gate.connection.kind);
  expect([capability.levels.DetectedIssue, capability.transaction]).toEqual([level, transaction]);
  await sandbox.load([
    { resourceType: 'Patient', id: 'p-204' },
    { resourceType: 'Observation', id: 'k-31', status: 'final', code: { text: 'Potassium' } },
  ]);
  service = { uri: SERVICE_URI, author: await ensureDevice(gate, capability.levels.Device, SERVICE_URI) };
  proxy.asked.length = 0;
}

function narrowed(statement: CapabilityStatement, level: Level, transaction: boolean): CapabilityStatement {
  const [rest] = statement.rest ?? [];
  if (rest === undefined) throw new Error('no rest');
  const resource =
    rest.resource?.map((one) => (level === 'C' ? { ...one, conditionalCreate: false } : one)) ?? [];
  return {
    ...statement,
    rest: [{ ...rest, resource, interaction: transaction ? (rest.interaction ?? []) : [] }],
  };
}

afterEach(async () => {
  await proxy[Symbol.asyncDispose]();
  await sandbox[Symbol.asyncDispose]();
});

function run(owed: OwedDelivery, known: KnownTargets = {}): Promise<DeliveryOutcome> {
  return deliver(gate, capability, service, owed, known);
}

/** All that we keep at the server, with its versions. */
async function written(): Promise<unknown[]> {
  return [await all('DetectedIssue'), await all('CarePlan'), await all('Provenance')];
}

async function done(owed: OwedDelivery, known: KnownTargets = {}): Promise<KnownTargets> {
  const outcome = await run(owed, known);
  if (outcome.outcome !== 'done') throw new Error(JSON.stringify(outcome));
  return outcome.targets;
}

async function all<T>(type: 'DetectedIssue' | 'CarePlan' | 'Provenance'): Promise<T[]> {
  const response = await fetch(`${sandbox.base}/${type}?_count=100`);
  const bundle = (await response.json()) as { entry?: { resource: T }[] };
  return (bundle.entry ?? []).map(({ resource }) => resource);
}
async function only<T>(type: 'DetectedIssue' | 'CarePlan' | 'Provenance'): Promise<T> {
  const [first, ...rest] = await all<T>(type);
  if (first === undefined || rest.length > 0) throw new Error(`${rest.length + (first ? 1 : 0)} of ${type}`);
  return first;
}
const issue = () => only<DetectedIssue & { id: string }>('DetectedIssue');
const plan = () => only<CarePlan & { id: string }>('CarePlan');

/** A person changes a resource in the hospital's own application. */
async function edit<T extends DetectedIssue | CarePlan>(
  resource: T & { id: string },
  change: Partial<T>,
): Promise<void> {
  const response = await fetch(`${sandbox.base}/${resource.resourceType}/${resource.id}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/fhir+json' },
    body: JSON.stringify({ ...resource, ...change }),
  });
  expect(response.status).toBe(200);
}
const MITIGATION = [
  { action: { text: 'Prescriber consulted' }, author: { reference: 'Practitioner/dr-1' } },
] as DetectedIssue['mitigation'] & object;

describe.each(WAYS)('an alert at level %s, with transactions: %p', (...way) => {
  beforeEach(() => start(way as unknown as Way));

  it('is raised as one issue, one draft plan and one Provenance, all valid', async () => {
    const targets = await done(RAISED);
    // Where a create can be made on a condition, that condition is the look.
    if (way[1]) expect(proxy.asked).toHaveLength(1);
    const [raised, proposed, [because]] = [await issue(), await plan(), await all<Provenance>('Provenance')];
    for (const resource of [raised, proposed, because]) validateResource(resource as DetectedIssue);
    expect(raised.identifier?.[0]?.value).toBe(
      identityOf(RAISED.connectionId, RAISED.patientId, 'el-hypokalaemia', 1),
    );
    expect(raised.author?.reference).toMatch(/^Device\//);
    expect(proposed.supportingInfo).toEqual([{ reference: `DetectedIssue/${raised.id}` }]);
    expect(because?.target.map(({ reference }) => reference)).toEqual([
      `DetectedIssue/${raised.id}`,
      `CarePlan/${proposed.id}`,
    ]);
    expect(targets.issue).toEqual({ id: raised.id, versionId: raised.meta?.versionId });
    expect(targets.plan).toEqual({ id: proposed.id, versionId: proposed.meta?.versionId });
    expect(proxy.writes()).toHaveLength(way[1] ? 1 : 3);
  });

  it('changes nothing when it is delivered again, whether the first time was marked or not', async () => {
    const targets = await done(RAISED);
    const before = await written();
    proxy.asked.length = 0;
    expect((await run(RAISED, targets)).outcome).toBe('unchanged');
    expect((await run(later('update', 1), targets)).outcome).toBe('unchanged');
    expect(proxy.writes()).toHaveLength(0);
    expect(await run(RAISED)).toEqual({ outcome: 'unchanged', targets });
    expect(await written()).toEqual(before);
  });

  it('is made once although the answer to its creation was lost', async () => {
    sandbox.faults.onRequest({
      method: way[0] === 'A' && !way[1] ? 'PUT' : 'POST',
      path: /./,
      answer: 'answer-lost',
    });
    const outcome = await run(RAISED);
    expect(['done', 'unchanged']).toContain(outcome.outcome);
    await issue();
    await plan();
    await only('Provenance');
  });

  it('is completed when the service was killed after each of its writes', async () => {
    for (const survived of [1, 2]) {
      let writes = 0;
      const owed = { ...RAISED, episode: { ...EPISODE, number: survived } };
      proxy.before = ({ method }) => (method !== 'GET' && ++writes > survived ? 503 : undefined);
      await run(owed);
      proxy.before = () => undefined;
      await run(owed);
      const before = await written();
      expect((await run(owed)).outcome).toBe('unchanged');
      expect(await written()).toEqual(before);
    }
    expect(await all('DetectedIssue')).toHaveLength(2);
    expect(await all('CarePlan')).toHaveLength(2);
    expect(await all('Provenance')).toHaveLength(2);
  });

  it('gets worse in the same issue and plan, with a second Provenance', async () => {
    const known = await done(RAISED);
    await done(later('escalate', 3, WORSE), known);
    const worse = await issue();
    expect([worse.id, worse.severity, worse.evidence?.[0]?.detail]).toEqual([
      known.issue?.id,
      'high',
      [{ reference: 'Observation/k-32' }],
    ]);
    expect(worse.meta?.tag?.map(({ code }) => code)).toEqual(['generated', 'critical']);
    expect((await plan()).activity?.map(({ detail }) => detail?.code?.text)).toEqual([
      'Consider a repeat potassium',
      'Consider an ECG',
    ]);
    expect(await all('Provenance')).toHaveLength(2);
  });

  it('is resolved with an end and a revoked plan, and withdrawn as an error', async () => {
    const known = await done(RAISED);
    const resolve = later('resolve', 6, {}, 'resolved by data: potassium 3.9 mmol/L');
    await done(resolve, known);
    expect(await issue()).toMatchObject({ status: 'final', identifiedPeriod: { end: resolve.decisionAt } });
    expect((await plan()).status).toBe('revoked');
    expect((await run(resolve)).outcome).toBe('unchanged');

    const second = { ...EPISODE, number: 2 };
    const again = await done({ ...later('raise', 7), episode: second });
    const withdraw = { ...later('withdraw', 8, {}, 'withdrawn: source result corrected'), episode: second };
    await done(withdraw, again);
    const withdrawn = (await all<DetectedIssue>('DetectedIssue')).find(({ id }) => id === again.issue?.id);
    expect([withdrawn?.status, withdrawn?.detail]).toEqual([
      'entered-in-error',
      expect.stringContaining('Withdrawn: source result corrected.'),
    ]);
    expect((await all<CarePlan>('CarePlan')).find(({ id }) => id === again.plan?.id)?.status).toBe(
      'entered-in-error',
    );
    expect((await run(withdraw)).outcome).toBe('unchanged');
  });

  it('that never reached the target is not created to be closed', async () => {
    expect(await run(later('resolve', 1, {}, 'resolved by data'))).toEqual({
      outcome: 'unchanged',
      targets: {},
    });
    expect(proxy.writes()).toHaveLength(0);
  });

  it('keeps a mitigation that comes between our look and our write, and ends the episode with it', async () => {
    const known = await done(RAISED);
    let edited = false;
    proxy.before = async ({ method, path }) => {
      if (method !== 'PUT' || !path.includes('DetectedIssue') || edited) return undefined;
      edited = true;
      await edit(await issue(), { mitigation: MITIGATION });
      return undefined;
    };
    const finding = { ...LOW_POTASSIUM, detail: 'Potassium 3.0 mmol/L.' };
    expect(await run(later('update', 1, { finding }), known)).toEqual({ outcome: 'closed-by-clinician' });
    expect(edited).toBe(true);
    expect(await issue()).toMatchObject({
      mitigation: MITIGATION,
      detail: expect.stringContaining('3.1 mmol/L'),
    });
  });

  it('says that it got worse beside a mitigation that comes between our look and our write', async () => {
    const known = await done(RAISED);
    let edited = false;
    proxy.before = async ({ method, path }) => {
      if (method !== 'PUT' || !path.includes('DetectedIssue') || edited) return undefined;
      edited = true;
      await edit(await issue(), { mitigation: MITIGATION });
      return undefined;
    };
    await done(later('escalate', 3, WORSE), known);
    expect(edited).toBe(true);
    expect(await issue()).toMatchObject({ mitigation: MITIGATION, severity: 'high' });
  });

  it('shows the mitigation of a clinician who answered to us once, and goes on being kept up to date', async () => {
    const known = await done(RAISED);
    const mitigation = {
      code: '9',
      display: 'Instituted Ongoing Monitoring Program',
      at: '2026-03-04T08:00:00.000Z',
      author: 'Practitioner/dr-a',
    };
    const answered = { ...EPISODE, mitigation };
    const accept = { ...later('accept', 2), episode: answered };
    const accepted = await done(accept, known);
    expect((await run(accept)).outcome).toBe('unchanged');
    await done({ ...later('resolve', 6, {}, 'resolved by data'), episode: answered }, accepted);
    expect(await issue()).toMatchObject({
      identifiedPeriod: { end: later('resolve', 6).decisionAt },
      mitigation: [
        {
          action: { coding: [{ code: '9' }] },
          date: mitigation.at,
          author: { reference: 'Practitioner/dr-a' },
        },
      ],
    });
  });

  it('loses the mitigation of an answer that was undone after it was written, and no other', async () => {
    const known = await done(RAISED);
    const by = (code: string, at: string) => ({ code, display: code, at, author: 'Practitioner/dr-a' });
    const first = by('1', '2026-03-04T08:00:00.000Z');
    const second = by('9', '2026-03-04T09:00:00.000Z');
    const twice = { ...EPISODE, mitigation: second, earlierMitigations: [first] };
    const accepted = await done({ ...later('accept', 2), episode: { ...EPISODE, mitigation: first } }, known);
    const again = await done({ ...later('accept', 3), episode: twice }, accepted);
    const codes = async () =>
      (await issue()).mitigation?.map(({ action }) => action.coding?.[0]?.code ?? action.text);
    expect(await codes()).toEqual(['1', '9']);

    const earlierMitigations = [{ ...second, undone: true as const }];
    const undo = { ...later('update', 4), episode: { ...EPISODE, mitigation: first, earlierMitigations } };
    const undone = await done(undo, again);
    expect(await codes()).toEqual(['1']);
    expect((await run(undo, undone)).outcome).toBe('unchanged');

    const all = [{ ...first, undone: true as const }];
    await done({ ...later('update', 5), episode: { ...EPISODE, earlierMitigations: all } }, undone);
    expect(await codes()).toBeUndefined();

    await edit(await issue(), { mitigation: MITIGATION });
    const closed = { ...later('update', 6), episode: { ...EPISODE, earlierMitigations: all } };
    expect((await run(closed)).outcome).toBe('closed-by-clinician');
    expect(await codes()).toEqual(['Prescriber consulted']);
  });

  it('becomes as restricted as what it rests on, and never less so than a person made it', async () => {
    const label = (code: string) => ({
      system: 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality',
      code,
    });
    const labels = async () => (await issue()).meta?.security?.map(({ code }) => code);
    const known = await done(RAISED);
    const restricted = { ...later('update', 1), episode: { ...EPISODE, security: [label('R')] } };
    const labelled = await done(restricted, known);
    expect(await labels()).toEqual(['R']);
    expect((await run(restricted, labelled)).outcome).toBe('unchanged');
    const { meta, ...rest } = await issue();
    await edit(rest, { meta: { ...meta, security: [label('V')] } } as Partial<DetectedIssue>);
    await done(later('escalate', 3, { ...WORSE, security: [label('N')] }));
    expect(await labels()).toEqual(['V']);
  });

  it('that a clinician answered at the target is still called an error when what it rested on is void', async () => {
    const known = await done(RAISED);
    await edit(await issue(), { mitigation: MITIGATION });
    await done(later('withdraw', 3, {}, 'withdrawn: source result corrected'), known);
    expect(await issue()).toMatchObject({ status: 'entered-in-error', mitigation: MITIGATION });
  });

  it('that somebody deleted or called an error is not brought back', async () => {
    const known = await done(RAISED);
    await edit(await issue(), { status: 'entered-in-error' });
    expect(await run(later('escalate', 3, WORSE), known)).toEqual({ outcome: 'closed-by-clinician' });
    await fetch(`${sandbox.base}/DetectedIssue/${known.issue?.id}`, { method: 'DELETE' });
    expect(await run(later('escalate', 3, WORSE), known)).toEqual({ outcome: 'closed-by-clinician' });
    expect(await all('DetectedIssue')).toHaveLength(0);
  });

  it('leaves a plan alone that a clinician made active, and keeps notes and progress in a draft', async () => {
    const known = await done(RAISED);
    const [recheck, liquorice] = (await plan()).activity ?? [];
    const started = {
      ...liquorice,
      progress: [{ text: 'Asked' }],
      detail: { ...liquorice?.detail, status: 'in-progress' },
    };
    const scheduled = { ...recheck, detail: { ...recheck?.detail, status: 'scheduled' } };
    const activity = [scheduled, started] as CarePlan['activity'] & object;
    await edit(await plan(), { note: [{ text: 'Seen by Dr A' }], activity });
    const worse = await done(later('escalate', 3, WORSE), known);
    const merged = await plan();
    expect(merged.note).toEqual([{ text: 'Seen by Dr A' }]);
    expect(merged.activity?.map(({ detail }) => detail?.status)).toEqual([
      'scheduled',
      'not-started',
      'in-progress',
    ]);

    await edit(merged, { status: 'active', intent: 'plan' });
    await done(later('resolve', 5, WORSE, 'resolved by data'), worse);
    expect(await plan()).toMatchObject({ status: 'active', intent: 'plan' });
  });

  it('proposes anew, once, when its advice is another than that of the plan a clinician made active', async () => {
    const known = await done(RAISED);
    const first = await plan();
    // What the clinician leaves out of the plan is no change of mind of ours.
    await edit(first, { status: 'active', activity: (first.activity ?? []).slice(0, 1) });
    const active = await plan();
    const finding = { ...LOW_POTASSIUM, detail: 'Potassium 3.0 mmol/L.' };
    const same = await done(later('update', 1, { finding }), known);
    expect(await plan()).toEqual(active);

    const plans = () => all<CarePlan & { id: string }>('CarePlan');
    const others = async () => (await plans()).filter(({ id }) => id !== active.id);
    const worse = await done(later('escalate', 3, WORSE), same);
    const [second] = await others();
    expect(second).toMatchObject({
      status: 'draft',
      intent: 'proposal',
      replaces: [{ reference: `CarePlan/${active.id}` }],
    });
    expect(worse.plan?.id).toBe(second?.id);
    validateResource(second as CarePlan);
    for (const what of [{}, worse])
      expect(await run(later('escalate', 3, WORSE), what)).toMatchObject({ outcome: 'unchanged' });

    const again = { ...WORSE, finding: { ...LOW_POTASSIUM, advice: LOW_POTASSIUM.advice.slice(1) } };
    const changed = await done(later('update', 4, again), worse);
    expect((await others()).map(({ id, activity }) => [id, activity?.length])).toEqual([[second?.id, 1]]);

    const [draft] = await others();
    if (draft !== undefined) await edit(draft, { status: 'active' });
    const third = await done(later('update', 5, WORSE), changed);
    expect((await others()).map(({ status }) => status).sort()).toEqual(['active', 'draft']);
    await done(later('resolve', 6, WORSE, 'resolved by data'), third);
    expect((await plans()).map(({ status }) => status).sort()).toEqual(['active', 'active', 'revoked']);
    expect((await plans()).find(({ id }) => id === active.id)).toEqual(active);
  });
});

describe('what a target may answer to an alert', () => {
  beforeEach(() => start(['B', false]));

  it.each([
    [400, { outcome: 'parked', reason: 'invalid' }],
    [422, { outcome: 'parked', reason: 'unprocessable' }],
    [401, { outcome: 'try-later', because: 'unauthorised', stops: true }],
    [403, { outcome: 'try-later', because: 'forbidden', stops: true }],
    [429, { outcome: 'try-later', because: '429' }],
    [409, { outcome: 'try-later', because: 'conflict' }],
    [503, { outcome: 'try-later', because: '503' }],
    [404, { outcome: 'closed-by-clinician' }],
    [412, { outcome: 'parked', reason: 'conflict' }],
    [428, { outcome: 'try-later', because: 'version-needed' }],
  ])('to an update with %i', async (status, outcome) => {
    const known = await done(RAISED);
    proxy.asked.length = 0;
    proxy.before = ({ method }) => (method === 'PUT' ? status : undefined);
    expect(await run(later('escalate', 3, WORSE), known)).toMatchObject(outcome);
    expect(proxy.writes().length).toBeLessThanOrEqual(3);
  });

  it('nothing for a while: it waits, and writes nothing without having looked', async () => {
    proxy.before = () => 503;
    expect(await run(RAISED)).toMatchObject({ outcome: 'try-later' });
    expect(proxy.writes()).toHaveLength(0);
  });

  it('a plan that is not shown yet: the issue waits for it, and is never taken for an old copy of itself', async () => {
    const whole = capability;
    capability = { ...whole, levels: { ...whole.levels, CarePlan: 'D' } };
    const { issue: known } = await done(RAISED);
    capability = whole;
    proxy.asked.length = 0;
    const written = { issue: { ...known, id: known?.id ?? '', fresh: true as const } };
    const plan = { id: 'not-shown-yet', versionId: '1', fresh: true as const };
    const worse = later('escalate', 3, WORSE);
    expect(await run(worse, { ...written, plan })).toMatchObject({
      outcome: 'try-later',
      because: 'not-there-yet',
    });
    expect(proxy.writes()).toHaveLength(0);
    expect(await run(worse, written)).toMatchObject({ outcome: 'done' });
  });

  it('two of the same: the one that a person has touched stays, the other becomes an error', async () => {
    await done(RAISED);
    const first = await issue();
    const { id: _, ...copy } = first;
    await fetch(`${sandbox.base}/DetectedIssue`, {
      method: 'POST',
      headers: { 'content-type': 'application/fhir+json' },
      body: JSON.stringify({ ...copy, mitigation: MITIGATION }),
    });
    await done(later('escalate', 3, WORSE));
    const both = await all<DetectedIssue>('DetectedIssue');
    expect(both).toHaveLength(2);
    expect(both.find(({ id }) => id === first.id)).toMatchObject({ status: 'entered-in-error' });
    expect(both.find(({ id }) => id !== first.id)).toMatchObject({
      status: 'final',
      severity: 'high',
      mitigation: MITIGATION,
    });
  });

  it('a search that ignores the identifier: alerts of others are not taken for ours', async () => {
    await sandbox.load([{ resourceType: 'DetectedIssue', id: 'theirs', status: 'final' }]);
    const theirs = {
      resourceType: 'Bundle',
      type: 'searchset',
      entry: [{ resource: { resourceType: 'DetectedIssue', id: 'theirs', status: 'final' } }],
    };
    const plain = proxy.script;
    proxy.script = (asked, response) => {
      if (!asked.path.includes('/DetectedIssue?')) return plain(asked, response);
      response.writeHead(200, { 'content-type': 'application/fhir+json' }).end(JSON.stringify(theirs));
    };
    await done(RAISED);
    expect(await all('DetectedIssue')).toHaveLength(2);
  });

  it('that it stores no alerts: they stay with us', async () => {
    const local: Capability = { ...capability, levels: { ...capability.levels, DetectedIssue: 'D' } };
    expect(await deliver(gate, local, service, RAISED, {})).toEqual({ outcome: 'kept-locally' });
    expect(proxy.asked).toHaveLength(0);
  });

  it('that it stores no plans and no Provenance: the issue is written alone', async () => {
    const narrow: Capability = {
      ...capability,
      levels: { ...capability.levels, CarePlan: 'D', Provenance: 'D' },
    };
    expect((await deliver(gate, narrow, service, RAISED, {})).outcome).toBe('done');
    expect([await all('CarePlan'), await all('Provenance')]).toEqual([[], []]);
  });
});

describe('a transaction that is worked through entry by entry', () => {
  beforeEach(() => start(['B', true]));

  it('is completed when an entry was left out', async () => {
    const identity = planIdentityOf(identityOf(RAISED.connectionId, RAISED.patientId, 'el-hypokalaemia', 1));
    const plain = proxy.script;
    proxy.script = async (asked, response) => {
      if (asked.method !== 'POST' || !asked.path.endsWith('/R4/')) return plain(asked, response);
      const bundle = JSON.parse(asked.body) as { entry: { resource: { resourceType: string } }[] };
      const [first] = bundle.entry;
      const made = await fetch(`${sandbox.base}/DetectedIssue`, {
        method: 'POST',
        headers: { 'content-type': 'application/fhir+json' },
        body: JSON.stringify(first?.resource),
      });
      const location = made.headers.get('location');
      const entry = [
        { response: { status: '201', location } },
        { response: { status: '429' } },
        { response: { status: '429' } },
      ];
      response
        .writeHead(200, { 'content-type': 'application/fhir+json' })
        .end(JSON.stringify({ resourceType: 'Bundle', type: 'transaction-response', entry }));
    };
    await done(RAISED);
    const [raised, proposed] = [await issue(), await plan()];
    expect(proposed.identifier?.[0]?.value).toBe(identity);
    expect(proposed.supportingInfo).toEqual([{ reference: `DetectedIssue/${raised.id}` }]);
    await only('Provenance');
  });
});

describe('the Device', () => {
  it.each(WAYS)('is provisioned once at level %s, however often the service starts', async (...way) => {
    await start(way);
    expect(await ensureDevice(gate, capability.levels.Device, SERVICE_URI)).toEqual(service.author);
    expect(service.author.reference).toMatch(/^Device\//);
    expect(proxy.writes()).toHaveLength(0);
  });

  it('is named where it can not be stored', async () => {
    await start(['B', true]);
    proxy.before = () => 403;
    const author = await ensureDevice(gate, 'B', SERVICE_URI);
    expect([author.reference, author.identifier?.system]).toEqual([undefined, `${SERVICE_URI}/device`]);
  });
});
