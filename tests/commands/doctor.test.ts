import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { connect } from '../../src/commands/connect.ts';
import { doctor, examine } from '../../src/commands/doctor.ts';
import type { Config } from '../../src/config.ts';
import { loadDefinitions } from '../../src/sandbox/definitions.ts';
import { startSandbox } from '../../src/sandbox/sandbox.ts';
import { connectionTo, reply, startScripted } from '../connections/scripted-server.ts';
import { Hospital } from '../end-to-end/hospital.ts';

const LOOK = { push: false };

function terminal() {
  const lines: string[] = [];
  return {
    lines,
    write: (line: string) => void lines.push(line),
    paint: (_: string, text: string) => text,
    width: 120,
  };
}

describe('the doctor', () => {
  let hospital: Hospital;
  let config: Config;
  beforeAll(async () => {
    loadDefinitions();
    hospital = await Hospital.open({ deliverAs: 'medplum' });
    config = hospital.config;
  }, 60_000);
  afterAll(() => hospital[Symbol.asyncDispose]());

  it('finds a connected server in order, and a push to us arriving', async () => {
    const out = terminal();
    expect(await doctor(config, 'ward', LOOK, out)).toBe(0);
    const text = out.lines.join('\n');
    expect(text).toContain('It answers: cramp-cds sandbox, FHIR 4.0.1.');
    expect(text).toContain('It lets us read every type that rules ask for.');
    expect(text).toContain(
      'Subscription to Observation, MedicationRequest, MedicationStatement, Condition, Patient: active.',
    );
    expect(text).toContain('It stores DetectedIssue, CarePlan, Provenance, Device by conditional create');
    expect(text).toContain('It can be asked what changed since a time.');
    expect(text).toContain(`A push to ${hospital.hookUrl} arrives.`);
    expect(out.lines.at(-1)).toBe('This connection is in order.');
  });

  it('misses a Subscription, and connect makes it', async () => {
    const [ward] = config.connections;
    if (ward === undefined) throw new Error('no connection');
    const more = { ...config, connections: [{ ...ward, criteria: [...ward.criteria, 'Procedure'] }] };
    const before = terminal();
    expect(await doctor(more, 'ward', LOOK, before)).toBe(1);
    expect(before.lines.join('\n')).toContain(
      'Subscription to Procedure: there is none.\n    → Run: cramp-cds connect ward',
    );
    // The push that the doctor sent a moment ago was its own, and proves nothing about the server.
    expect(before.lines.join('\n')).toContain('It has pushed nothing since the service started');
    const made = terminal();
    expect(await connect(more, 'ward', made)).toBe(0);
    expect(made.lines).toContain('Subscription to Procedure created (active)');
    expect(made.lines).toContain('Subscription to Observation is as it should be (active)');
    expect(await doctor(more, 'ward', LOOK, terminal())).toBe(0);
  });

  it('sees that pushes would not arrive, or carry another secret', async () => {
    const [ward] = config.connections;
    if (ward === undefined) throw new Error('no connection');
    const last = async (changed: object) => {
      const said: string[] = [];
      for await (const { says } of examine({ ...ward, ...changed }, { ...config, ...LOOK }, () => new Date()))
        said.push(says);
      return said.at(-2);
    };
    const [proof] = ward.ingress;
    expect(await last({ ingress: [{ ...proof, secrets: ['another secret'] }] })).toContain('is answered 401');
    expect(await last({ hookUrl: 'http://127.0.0.1:9/hooks/ward' })).toMatch(
      /(does not arrive \(network\)|there is none)/,
    );
  });

  it('says what it can not try or see, and never shows a secret in an address', async () => {
    const [ward] = config.connections;
    if (ward === undefined) throw new Error('no connection');
    const said = async (changed: object): Promise<string> => {
      const out = terminal();
      await doctor({ ...config, connections: [{ ...ward, ...changed }] }, 'ward', LOOK, out);
      return out.lines.join('\n');
    };
    const byToken = {
      type: 'jwt',
      issuer: 'x',
      audience: 'y',
      jwksUrl: 'https://x.example',
      claims: {},
      trust: 'hint',
    };
    expect(await said({ ingress: [byToken] })).toContain('so none was tried from here');
    expect(await said({ kind: 'azure-events' })).toContain('Its pushes are set up on its side');
    const secret = 'planted-134418';
    const byAddress = { type: 'url', parameter: 'key', secrets: [secret], trust: 'hint' };
    const text = await said({
      ingress: [byAddress],
      hookUrl: `${ward.hookUrl}?key=${secret}`,
      kind: 'healthlake',
    });
    expect(text).toContain('Make it there; cramp-cds connect ward says how.');
    expect(text).toContain(`A push to ${ward.hookUrl} is answered 401`);
    expect(text).not.toContain(secret);
    for (const kind of ['athena', 'azure-events', 'google-pubsub', 'microsoft-oss', 'healthlake'] as const) {
      const out = terminal();
      const own = { ...ward, kind, ingress: [byAddress], hookUrl: `${ward.hookUrl}?key=${secret}` };
      expect(await connect({ ...config, connections: [own] } as Config, 'ward', out)).toBe(0);
      expect(out.lines[0]).toBe('The pushes of ward are set up on its side:');
      expect(out.lines.join(' ')).toContain(`${ward.hookUrl}?key=<the secret`);
      expect(out.lines.join()).not.toContain(secret);
    }
  });

  it('tries a push when asked to: one more Subscription, which sleeps afterwards and is used again', async () => {
    for (let run = 0; run < 2; run++) {
      const out = terminal();
      expect(await doctor(config, 'ward', { push: true }, out)).toBe(0);
      expect(out.lines.join('\n')).toMatch(/A change of our Device there came back as a push within \d/);
    }
    const found = await (await fetch(`${hospital.sandbox.base}/Subscription?_count=50`)).json();
    const trial = found.entry.filter(({ resource }: { resource: { criteria: string } }) =>
      resource.criteria.startsWith('Device?'),
    );
    expect(trial).toMatchObject([{ resource: { status: 'off' } }]);
    const asked = terminal();
    await doctor(config, 'ward', LOOK, asked);
    expect(asked.lines.join('\n')).toMatch(/Its last push came \d+ s ago/);
  });

  it('says when a push that was tried does not come back', async () => {
    hospital.sandbox.faults.onDeliveries({ held: true });
    const out = terminal();
    expect(await doctor(config, 'ward', { push: true, waitMs: 300 }, out)).toBe(1);
    hospital.sandbox.faults.clear();
    expect(out.lines.join('\n')).toContain('did not come back as a push within 0.3 s');
  });

  it('says when no service tells of pushes', async () => {
    const out = terminal();
    const elsewhere = { ...config, publicUrl: 'http://127.0.0.1:9', port: 9 };
    await doctor(elsewhere, 'ward', LOOK, out);
    expect(out.lines.join('\n')).toContain('The running service does not tell when a push last came');
  });

  it('names an unknown connection with those there are', async () => {
    await expect(doctor(config, 'east', LOOK, terminal())).rejects.toThrow('the configuration has ward');
  });
});

describe('a server that is not in order', () => {
  const connectionAt = (base: string) => ({
    ...connectionTo(base, { criteria: ['Observation?status=final'] }),
    ingress: [],
    trust: 'hint' as const,
    sweepEveryMs: 60_000,
    quiet: { ms: 0, maxMs: 0 },
  });
  const findings = async (base: string) => {
    const found: string[] = [];
    for await (const { state, says, change } of examine(
      connectionAt(base),
      { publicUrl: 'https://cds.example', host: '127.0.0.1', port: 9, ...LOOK },
      () => new Date(),
    ))
      if (state !== 'good') found.push(`${state}: ${says} ${change ?? ''}`.trim());
    return found;
  };

  it('is told what is wrong and what to change', async () => {
    const statement = {
      resourceType: 'CapabilityStatement',
      fhirVersion: '4.0.1',
      rest: [{ mode: 'server' }],
    };
    await using server = await startScripted(({ path }, response) => {
      if (path.endsWith('/metadata'))
        return reply(response, 200, statement, { date: new Date(0).toUTCString() });
      if (path.includes('/Specimen')) return reply(response, 404);
      if (path.includes('/Observation')) return reply(response, 403);
      return reply(response, 200, { resourceType: 'Bundle', type: 'searchset' });
    });
    expect(await findings(server.base)).toEqual([
      expect.stringMatching(/^warning: Its clock is \d+ s behind\. Let both machines keep time by NTP/),
      'bad: It does not let us read Observation. Give the client read access to these types.',
      'warning: It does not serve or show Specimen: what only they tell stays unknown.',
      expect.stringContaining('bad: The criteria Observation?status=final filter on a status.'),
      expect.stringContaining(
        'warning: It stores no DetectedIssue, CarePlan, Provenance, Device (level D). Alerts stay',
      ),
      expect.stringContaining('warning: It offers no batch'),
      expect.stringContaining('warning: It offers no transaction'),
    ]);
  });

  it('and leaves Subscriptions as they were asked for is told how HAPI sends rest-hooks', async () => {
    const made = new Date('2026-05-12T12:00:00Z');
    await using sandbox = await startSandbox({
      port: 0,
      clientIds: 'allowed',
      deliverAs: 'hapi',
      activateAfterMs: Number.POSITIVE_INFINITY,
      now: () => made,
    });
    const header = { type: 'header', header: 'x-proof', secrets: ['s'], trust: 'hint' } as const;
    const connection = {
      ...connectionAt(sandbox.base),
      kind: 'hapi',
      criteria: ['Observation'],
      ingress: [header],
    } as const;
    const around = { publicUrl: 'http://127.0.0.1:9', host: '127.0.0.1', port: 9 };
    const out = terminal();
    for (let run = 0; run < 2; run++)
      await connect({ ...around, connections: [connection] } as unknown as Config, 'north', out);
    expect(out.lines).toEqual([
      'Subscription to Observation created (requested)',
      expect.stringContaining('Subscription to Observation still waits for the server'),
    ]);
    const at = async (minutes: number): Promise<string> => {
      const said: string[] = [];
      const now = () => new Date(made.getTime() + minutes * 60_000);
      for await (const { state, says, change } of examine(connection, { ...around, ...LOOK }, now))
        if (says.startsWith('Subscription')) said.push(`${state}: ${says} ${change}`);
      return said.join();
    };
    expect(await at(5)).toMatch(/^warning: Subscription to Observation: requested/);
    expect(await at(11)).toMatch(/^bad: .*requested 11 min ago, and never active.*resthook_enabled/);
  });

  it('and knows no _lastUpdated can not be served by sweeps alone', async () => {
    await using sandbox = await startSandbox({
      port: 0,
      clientIds: 'allowed',
      deliverAs: 'poll-only',
      refusedParameters: ['_lastUpdated', '_sort'],
    });
    expect((await findings(sandbox.base)).join()).toContain(
      'bad: It can not be asked what changed since a time',
    );
  });

  it.each([
    [
      401,
      'bad: It can not be reached: unauthorised. Look at auth: the token, client id, secret or key is refused.',
    ],
    [404, 'bad: It can not be reached: base-missing. Look at base: it should end where /metadata begins.'],
    [
      503,
      'bad: It can not be reached: 503. Look at base, at the network between the machines, and whether the server is up.',
    ],
  ])('and answers %i says where to look', async (status, says) => {
    await using server = await startScripted((_, response) => reply(response, status));
    expect(await findings(server.base)).toEqual([says]);
  });
});
