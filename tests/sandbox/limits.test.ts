import { afterEach, describe, expect, it } from '@jest/globals';
import type { Bundle, DetectedIssue, Resource } from '@medplum/fhirtypes';
import { type Sandbox, type SandboxOptions, startSandbox } from '../../src/sandbox/sandbox.ts';
import { until } from '../store/until.ts';

let sandbox: Sandbox;
afterEach(async () => {
  await sandbox[Symbol.asyncDispose]();
});

async function start(options: Partial<SandboxOptions>): Promise<void> {
  sandbox = await startSandbox({ port: 0, clientIds: 'refused', deliverAs: 'medplum', ...options });
}

function issue(value: string): DetectedIssue {
  return { resourceType: 'DetectedIssue', status: 'final', identifier: [{ system: 'urn:x', value }] };
}

function post(path: string, body: Resource, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${sandbox.base}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/fhir+json', ...headers },
    body: JSON.stringify(body),
  });
}

const createIfNone = (value: string) =>
  post('/DetectedIssue', issue(value), { 'if-none-exist': `identifier=urn:x|${value}` });

function together(...values: string[]): Promise<Response> {
  const entry = values.map((value) => ({
    resource: issue(value),
    request: { method: 'POST' as const, url: 'DetectedIssue', ifNoneExist: `identifier=urn:x|${value}` },
  }));
  return post('', { resourceType: 'Bundle', type: 'transaction', entry });
}

describe('a quota', () => {
  it('is told with every answer, and a refusal says when it begins anew and nothing else', async () => {
    await start({ quota: { units: 260, windowMs: 30_000 } });
    const left = async (answer: Promise<Response>) =>
      /r=(\d+);t=\d+$/.exec((await answer).headers.get('ratelimit') ?? '')?.[1];
    expect(await left(fetch(`${sandbox.base}/metadata`))).toBe('260');
    expect(await left(fetch(`${sandbox.base}/Patient/none`))).toBe('259');
    expect(await left(fetch(`${sandbox.base}/Patient?name=x`))).toBe('239');
    expect(await left(createIfNone('a'))).toBe('119');
    expect(await left(post('/DetectedIssue', issue('b')))).toBe('19');
    const refused = await together('c', 'd');
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, null]);
    expect(sandbox.limits).toMatchObject({ refused: 1, overrun: 221, overrunWindows: 1, windows: 1 });
  });

  it('begins anew', async () => {
    await start({ quota: { units: 20, windowMs: 60 } });
    const search = async () => (await fetch(`${sandbox.base}/Patient?name=x`)).status;
    await until('it is refused', async () => (await search()) === 429);
    await until('it is answered', async () => (await search()) === 200);
  });
});

describe('conditional writes that collide', () => {
  it('all succeed one after the other, and many fail at the same time, also on different keys', async () => {
    await start({ conditionalWrites: 'collide', seed: 7 });
    for (const value of ['a', 'b', 'c', 'd']) expect((await createIfNone(value)).status).toBe(201);
    const answers = await Promise.all(
      Array.from({ length: 64 }, (_, n) => createIfNone(`together-${n % 32}`)),
    );
    const refused = answers.filter(({ status }) => status === 409);
    expect(refused.length).toBeGreaterThan(16);
    expect(sandbox.limits.collisions).toBe(refused.length);
    expect(JSON.stringify(await refused[0]?.json())).toContain('40001');
  });

  it('tell the loser of a race for the same key so, in a transaction with 400', async () => {
    await start({ conditionalWrites: 'collide' });
    const [first, second] = await Promise.all([together('a'), together('a')]);
    expect([first.status, second.status]).toEqual([200, 400]);
    expect(JSON.stringify(await second.json())).toContain('did not match resolved ID');
  });
});

describe('a replica that lags behind', () => {
  it('shows what was written, changed or deleted only after a while; conditions are not fooled', async () => {
    await start({ replicaLagMs: 500 });
    const made = (await (await createIfNone('a')).json()) as DetectedIssue;
    const address = `${sandbox.base}/DetectedIssue/${made.id}`;
    const status = async () => (await fetch(address)).status;
    const found = async () => {
      const search = await fetch(`${sandbox.base}/DetectedIssue?identifier=urn:x|a`);
      return ((await search.json()) as Bundle).entry?.length ?? 0;
    };
    expect([await status(), await found()]).toEqual([404, 0]);
    expect((await createIfNone('a')).status).toBe(200);
    await until('it is there', async () => (await status()) === 200);
    expect(await found()).toBe(1);
    await fetch(address, { method: 'DELETE' });
    expect(await status()).toBe(200);
    await until('it is gone', async () => (await status()) === 410);
  });
});
