import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { connect } from '../../src/commands/connect.ts';
import { doctor, examine } from '../../src/commands/doctor.ts';
import type { Config } from '../../src/config.ts';
import { loadDefinitions } from '../../src/sandbox/definitions.ts';
import { connectionTo, reply, startScripted } from '../connections/scripted-server.ts';
import { Hospital } from '../end-to-end/hospital.ts';

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
  });
  afterAll(() => hospital[Symbol.asyncDispose]());

  it('finds a connected server in order, and a push to us arriving', async () => {
    const out = terminal();
    expect(await doctor(config, 'ward', out)).toBe(0);
    const text = out.lines.join('\n');
    expect(text).toContain('It answers: cramp-cds sandbox, FHIR 4.0.1.');
    expect(text).toContain('It lets us read every type that rules ask for.');
    expect(text).toContain('Subscription to Observation: active.');
    expect(text).toContain(`A push to ${hospital.hookUrl} arrives.`);
    expect(out.lines.at(-1)).toBe('This connection is in order.');
  });

  it('misses a Subscription, and connect makes it', async () => {
    const [ward] = config.connections;
    if (ward === undefined) throw new Error('no connection');
    const more = { ...config, connections: [{ ...ward, criteria: [...ward.criteria, 'Procedure'] }] };
    const before = terminal();
    expect(await doctor(more, 'ward', before)).toBe(1);
    expect(before.lines.join('\n')).toContain(
      'Subscription to Procedure: there is none.\n    → Run: cramp-cds connect ward',
    );
    const made = terminal();
    expect(await connect(more, 'ward', made)).toBe(0);
    expect(made.lines).toContain('Subscription to Procedure created (active)');
    expect(made.lines).toContain('Subscription to Observation is as it should be (active)');
    expect(await doctor(more, 'ward', terminal())).toBe(0);
  });

  it('sees that pushes would not arrive, or carry another secret', async () => {
    const [ward] = config.connections;
    if (ward === undefined) throw new Error('no connection');
    const last = async (changed: object) => {
      let says = '';
      for await (const finding of examine({ ...ward, ...changed }, config.publicUrl, () => new Date()))
        says = finding.says;
      return says;
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
      await doctor({ ...config, connections: [{ ...ward, ...changed }] }, 'ward', out);
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
    expect(text).toContain(`Make it there, with ${ward.hookUrl} as endpoint`);
    expect(text).toContain(`A push to ${ward.hookUrl} is answered 401`);
    expect(text).not.toContain(secret);
    const out = terminal();
    expect(await connect({ ...config, connections: [{ ...ward, kind: 'athena' }] }, 'ward', out)).toBe(0);
    expect(out.lines.join()).toContain('are set up on its side');
  });

  it('names an unknown connection with those there are', async () => {
    await expect(doctor(config, 'east', terminal())).rejects.toThrow('the configuration has ward');
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
      'https://cds.example',
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
      expect.stringContaining('warning: DetectedIssue can be written not at all (level D).'),
      'warning: CarePlan can be written not at all (level D).',
      'warning: Provenance can be written not at all (level D).',
      'warning: Device can be written not at all (level D).',
      expect.stringContaining('warning: It offers no batch'),
      expect.stringContaining('warning: It offers no transaction'),
    ]);
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
