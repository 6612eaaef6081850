import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { loadDefinitions } from '../../src/sandbox/definitions.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { Store } from '../../src/sandbox/store.ts';
import { call, issue, NOON, PATIENT, potassium, Receiver } from './receiver.ts';

let folder: string;
const file = (): string => join(folder, 'sandbox.ndjson');
const start = (): Promise<Sandbox> =>
  startSandbox({ port: 0, clientIds: 'allowed', deliverAs: 'medplum', folder });

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cramp-cds-sandbox-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('a sandbox started again', () => {
  it('holds the same versions, history and deletions', async () => {
    const paths = [
      'Observation/k',
      'Observation/k/_history',
      'Observation/gone',
      'Observation/gone/_history',
    ];
    const states: unknown[] = [];
    const look = async ({ base }: Sandbox): Promise<void> => {
      const replies = await Promise.all(paths.map((path) => call('GET', `${base}/${path}`)));
      states.push(
        replies.map(({ status, body }) => JSON.parse(JSON.stringify([status, body]).replaceAll(base, ''))),
      );
    };
    {
      await using sandbox = await start();
      await call('PUT', `${sandbox.base}/Observation/k`, potassium(3.1, { id: 'k' }));
      await call('PUT', `${sandbox.base}/Observation/k`, potassium(3.2, { id: 'k' }));
      await call('PUT', `${sandbox.base}/Observation/gone`, potassium(3, { id: 'gone' }));
      await call('DELETE', `${sandbox.base}/Observation/gone`);
      await look(sandbox);
    }
    await using sandbox = await start();
    await look(sandbox);
    expect(states[1]).toEqual(states[0]);
    expect((states[0] as unknown[][]).map(([status]) => status)).toEqual([200, 200, 410, 200]);
    expect((await call('GET', `${sandbox.base}/Observation`)).body.total).toBe(1);
  });

  it('still knows its Subscriptions and forgets notifications that were on their way', async () => {
    await using receiver = await Receiver.listen();
    {
      await using sandbox = await start();
      const channel = { type: 'rest-hook', endpoint: receiver.url };
      const subscription = {
        resourceType: 'Subscription',
        status: 'active',
        reason: 'test',
        criteria: 'Patient',
      };
      await call('POST', `${sandbox.base}/Subscription`, { ...subscription, channel });
      sandbox.faults.onDeliveries({ held: true });
      await sandbox.load([PATIENT]);
    }
    await using sandbox = await start();
    await sandbox.load([{ ...PATIENT, id: 'p2' }]);
    await sandbox.deliveriesIdle();
    expect(receiver.resources.map(({ id }) => id)).toEqual(['p2']);
  });

  it('drops a line that was cut short and goes on after it', async () => {
    {
      await using sandbox = await start();
      await sandbox.load([PATIENT]);
    }
    appendFileSync(file(), '[{"type":"Patient","id":"half","vers');
    {
      await using sandbox = await start();
      expect((await call('GET', `${sandbox.base}/Patient`)).body.total).toBe(1);
      await sandbox.load([{ ...PATIENT, id: 'p2' }]);
    }
    await using sandbox = await start();
    expect((await call('GET', `${sandbox.base}/Patient`)).body.total).toBe(2);
  });

  it('does not start on a damaged file, and names the line', async () => {
    writeFileSync(file(), '[]\nnot json\n[]\n');
    await expect(start()).rejects.toThrow(/^Line 2 of .*sandbox\.ndjson can not be read\./);
  });

  it('has nothing of a transaction that was refused', async () => {
    await using sandbox = await start();
    const entry = [
      { request: { method: 'POST', url: 'DetectedIssue' }, resource: issue('half') },
      { request: { method: 'POST', url: 'Observation' }, resource: { resourceType: 'Observation' } },
    ];
    await call('POST', sandbox.base, { resourceType: 'Bundle', type: 'transaction', entry });
    expect(readFileSync(file(), 'utf8')).toBe('');
  });
});

describe('a write that can not be made durable', () => {
  it.each(['alone', 'in a transaction'])('is not there, and nobody is told: %s', async (how) => {
    loadDefinitions();
    let full = false;
    const told: number[] = [];
    const store = new Store({
      base: 'http://sandbox.invalid',
      clientIds: 'allowed',
      now: () => NOON,
      write: () => {
        if (full) throw new Error('The disk is full.');
      },
      tell: (changes) => told.push(changes.length),
    });
    await store.updateResource(PATIENT);
    full = true;
    const write = async (): Promise<void> => {
      await store.updateResource({ ...PATIENT, birthDate: '1960-01-01' });
    };
    const writing = how === 'alone' ? write() : store.withTransaction(write);
    await expect(writing).rejects.toThrow('The disk is full.');
    expect(await store.readResource('Patient', 'p1')).toMatchObject(PATIENT);
    expect((await store.readHistory('Patient', 'p1')).total).toBe(1);
    expect(told).toEqual([1]);
  });
});

describe('a sandbox that is killed', () => {
  let child: ChildProcess;
  afterEach(() => {
    child.kill('SIGKILL');
  });

  it('has kept every write it answered', async () => {
    const module = resolve(import.meta.dirname, '../../src/sandbox/sandbox.ts');
    const script = `const { startSandbox } = await import(${JSON.stringify(module)});
      const sandbox = await startSandbox({ port: 0, clientIds: 'allowed', deliverAs: 'hapi', folder: ${JSON.stringify(folder)} });
      console.log(sandbox.base);`;
    child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(child.stdout as NodeJS.ReadableStream, 'data')) as [Buffer];
    const base = line.toString().trim();

    let answered = 0;
    const writing = (async () => {
      for (let id = 0; ; id += 1) {
        const { status } = await call('PUT', `${base}/Observation/k${id}`, potassium(3, { id: `k${id}` }));
        if (status === 201) answered += 1;
        if (answered === 50) child.kill('SIGKILL');
      }
    })();
    await expect(writing).rejects.toThrow();
    await using sandbox = await start();
    const { body } = await call('GET', `${sandbox.base}/Observation?_summary=count`);
    expect(body.total).toBeGreaterThanOrEqual(answered);
    expect(answered).toBeGreaterThanOrEqual(50);
  });
});
